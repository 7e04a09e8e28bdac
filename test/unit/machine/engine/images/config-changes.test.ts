import t from 'tap';
import { applyChanges } from '../../../../../src/machine/engine/images/config-changes.ts';

t.test('instructions', async t => {
  const cases: readonly (readonly [string[], object])[] = [
    [['CMD ["a","b c"]'], { Cmd: ['a', 'b c'] }],
    [['CMD a b'], { Cmd: ['/bin/sh', '-c', 'a b'] }],
    [['ENTRYPOINT ["/x"]', 'CMD []'], { Entrypoint: ['/x'], Cmd: [] }],
    [['cmd ["a"'], { Cmd: ['/bin/sh', '-c', '["a"'] }],
    [['ENV A=b C="d e" F=\'g h\' I=j\\ k'], { Env: ['A=b', 'C=d e', 'F=g h', 'I=j k'] }],
    [['ENV A b c', 'ENV A=2'], { Env: ['A=2'] }],
    [['LABEL a=1', 'LABEL b="2 3"'], { Labels: { a: '1', b: '2 3' } }],
    [
      ['EXPOSE 80 53/udp', 'EXPOSE 9000-9001/TCP'],
      { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '9000-9001/tcp': {} } },
    ],
    [['VOLUME /a /b', 'VOLUME ["/c d"]'], { Volumes: { '/a': {}, '/b': {}, '/c d': {} } }],
    [['WORKDIR /a/../b', 'WORKDIR c/./d'], { WorkingDir: '/b/c/d' }],
    [
      ['USER app', 'STOPSIGNAL SIGUSR1', 'ONBUILD RUN x'],
      { User: 'app', StopSignal: 'SIGUSR1', OnBuild: ['RUN x'] },
    ],
    [
      ['HEALTHCHECK --interval=1m30s --retries=3 CMD curl x'],
      { Healthcheck: { Test: ['CMD-SHELL', 'curl x'], Interval: 90e9, Retries: 3 } },
    ],
    [['HEALTHCHECK NONE'], { Healthcheck: { Test: ['NONE'] } }],
  ];
  for (const [changes, expected] of cases) t.same(applyChanges({}, changes), expected, changes.join('; '));
  t.same(applyChanges({ Env: ['A=1', 'B=2'], User: 'x' }, ['ENV B=3']), { Env: ['A=1', 'B=3'], User: 'x' });
});

t.test('variables are those of the image', async t => {
  const config = { Env: ['PATH=/bin', 'EMPTY=', 'PORT=80'], Cmd: ['old'] };
  const envOf = (change: string) => applyChanges(config, [change]).Env?.at(-1);
  t.equal(envOf('ENV P=/x:$PATH'), 'P=/x:/bin');
  t.equal(envOf('ENV P="${PATH} \\$PATH" '), 'P=/bin $PATH');
  t.equal(envOf("ENV P='$PATH'"), 'P=$PATH');
  t.equal(envOf('ENV P=\\$PATH$NONE'), 'P=$PATH');
  t.equal(envOf('ENV P=${EMPTY:-a}${EMPTY-b}${NONE-c}${PATH:+d}${NONE:+e}'), 'P=acd');
  t.equal(envOf('ENV P a $PATH'), 'P=a /bin');
  t.same(applyChanges(config, ['EXPOSE $PORT']).ExposedPorts, { '80/tcp': {} });
  t.equal(applyChanges(config, ['WORKDIR $PATH/x']).WorkingDir, '/bin/x');
  for (const change of ['ENV P=${PATH', 'ENV P=${PATH:?no}', 'ENV P=${}']) {
    t.throws(() => applyChanges(config, [change]), { code: 'ENGINE_INVALID_PARAMETER' }, change);
  }
});

t.test('an entrypoint comes without the command that was for the old one', async t => {
  t.same(applyChanges({ Cmd: ['old'] }, ['ENTRYPOINT ["/x"]']), { Entrypoint: ['/x'] });
  t.same(applyChanges({ Cmd: ['old'] }, ['CMD ["new"]', 'ENTRYPOINT ["/x"]']), {
    Cmd: ['new'],
    Entrypoint: ['/x'],
  });
});

t.test('what is none is refused', async t => {
  for (const change of [
    '',
    'RUN x',
    'COPY a b',
    'ENV',
    'ENV =x',
    'EXPOSE 99999999',
    'EXPOSE http',
    'HEALTHCHECK sometimes',
    'HEALTHCHECK --interval=soon CMD x',
    'USER',
  ]) {
    t.throws(() => applyChanges({}, [change]), { code: 'ENGINE_INVALID_PARAMETER' }, JSON.stringify(change));
  }
});
