import t from 'tap';
import { formatLogDetails } from '../../../../../src/machine/engine/logs/log-details.ts';

const source = {
  id: '0123456789abcdef'.repeat(4),
  name: 'web',
  image: 'example.org/web:1',
  imageId: `sha256:${'fedcba9876543210'.repeat(4)}`,
  labels: { tier: 'front end', 'com.example.a': 'x=y', other: '' },
  env: ['MODE=fast', 'EMPTY=', 'MODE=slow'],
};

t.test('what the options choose, sorted and escaped', async t => {
  t.equal(formatLogDetails(undefined, source), '');
  t.equal(formatLogDetails({ labels: 'tier,missing' }, source), 'tier=front+end');
  t.equal(formatLogDetails({ 'labels-regex': '^com\\.' }, source), 'com.example.a=x%3Dy');
  t.equal(formatLogDetails({ env: 'MODE', labels: 'other' }, source), 'MODE=slow,other=');
  t.equal(formatLogDetails({ 'env-regex': 'E' }, source), 'EMPTY=,MODE=slow');
  t.equal(
    formatLogDetails({ tag: '{{.Name}}/{{ .ID }}/{{.ImageID}}!' }, source),
    'tag=web%2F0123456789ab%2Ffedcba987654%21',
  );
  t.equal(formatLogDetails({ tag: '{{.DaemonName}}{{.Nothing}}' }, source), 'tag=docker');
});

t.test('an expression that is none chooses nothing', async t => {
  t.equal(formatLogDetails({ 'labels-regex': '(' }, source), '');
});
