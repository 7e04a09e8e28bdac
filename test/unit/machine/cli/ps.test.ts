import t from 'tap';
import type { ContainerListItem } from '../../../../src/machine/engine-api/bodies.ts';
import { formatPs } from '../../../../src/machine/cli/ps.ts';
import { formatTable, shorten } from '../../../../src/machine/cli/table.ts';

const item: ContainerListItem = {
  Id: 'ab'.repeat(32),
  Names: ['/web'],
  Image: 'system-images/web',
  ImageID: 'sha256:x',
  Command: "/bin/sh -c 'echo one; sleep 1000'",
  Created: 100,
  Ports: [],
  Labels: {},
  State: 'running',
  Status: 'Up 3 seconds',
  HostConfig: { NetworkMode: 'host' },
  NetworkSettings: { Networks: {} },
  Mounts: [],
};

t.test("Docker's columns", async t => {
  t.equal(
    formatPs([item], { trunc: true }, 160_000),
    [
      'CONTAINER ID   IMAGE               COMMAND                  CREATED              STATUS         PORTS     NAMES',
      'abababababab   system-images/web   "/bin/sh -c \'echo on…"   About a minute ago   Up 3 seconds             web',
      '',
    ].join('\n'),
  );
  t.equal(formatPs([item], { trunc: false, quiet: true }, 0), `${'ab'.repeat(32)}\n`);
  t.match(formatPs([item], { trunc: false }, 160_000), '"/bin/sh -c \'echo one; sleep 1000\'"');
  t.equal(
    formatPs([], { trunc: true }, 0),
    'CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n',
  );
});

t.test('tables and short texts', async t => {
  t.equal(formatTable(['A', 'B'], [['long', 'x']]), 'A         B\nlong      x\n');
  t.equal(shorten('abcdef', 4), 'abc…');
  t.equal(shorten('abcd', 4), 'abcd');
});
