import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type ControlBackend,
  ControlServer,
  parsePowerRequest,
} from '../../../../src/machine/control/server.ts';
import { serviceDetails, serviceView } from '../../../../src/machine/control/service-view.ts';
import type { BootView, ServiceDetails, ServiceView } from '../../../../src/machine/control/wire.ts';
import { silentLog } from '../../../../src/machine/log.ts';
import { ToolError } from '../../../../src/shared/errors.ts';
import { runRos } from '../../../../src/machine/ros/main.ts';
import { createService } from '../../../support/service-definition.ts';

const services: ServiceView[] = [
  {
    name: 'udev',
    section: 'services',
    image: 'system-images/udev',
    status: 'up',
    detail: '',
    waitsFor: [],
    pid: 7,
    restarts: 2,
    startedAt: 1,
    upAt: 2.5,
  },
  {
    name: 'ntp',
    section: 'services',
    image: 'system-images/ntp',
    status: 'waiting',
    detail: 'waiting for network',
    waitsFor: ['network'],
    pid: 0,
    restarts: 0,
  },
];
const boot: BootView = {
  leftOut: [{ name: 'tools', reason: 'not found' }],
  early: [
    { name: 'kernel', endedAt: 1 },
    { name: 'core', endedAt: 1.5 },
  ],
  phases: [{ name: 'state', startedAt: 2, endedAt: 2.25, detail: 'none' }],
  services: [{ name: 'udev', startedAt: 2.5, upAt: 3 }, { name: 'ntp' }],
  lives: [1.9, 9],
  readyLine: '[ready] box 1 services=1/2 failed=ntp uptime=4.00s',
  uptime: 10,
};

function detailsOf(name: string): ServiceDetails {
  const definition = createService(name, { after: ['network'], ready: { kind: 'notify' } });
  if (name === 'broken') {
    const status = { status: 'failed', reason: 'exit code 3' } as const;
    return serviceDetails(serviceView(definition, { status }, undefined, undefined), definition, undefined);
  }
  const view = services.find(service => service.name === name);
  if (view === undefined)
    throw new ToolError(`there is no service "${name}"`, { code: 'X', kind: 'not-found' });
  return serviceDetails(view, definition, undefined);
}

async function listen(t: Test, more: Partial<ControlBackend> = {}) {
  // Socket paths have at most 107 bytes, which tap's own folders exceed.
  const folder = mkdtempSync(join(tmpdir(), 'control-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'control.sock');
  const actions: string[] = [];
  const backend: ControlBackend = {
    version: () => ({
      name: 'box',
      version: '1',
      slipwayVersion: '0.1.0',
      kernelRelease: '6',
      arch: 'amd64',
      nodeVersion: '24',
    }),
    services: {
      list: async () => services,
      details: async name => detailsOf(name),
      change: async (name, verb) => {
        actions.push(`${verb} ${name}`);
        return detailsOf(name);
      },
      async *logs(name, { follow, tail }) {
        yield { stream: 'stdout', timeMs: 0, text: `${name} ${follow} ${tail}: `, partial: true };
        yield { stream: 'stderr', timeMs: 1000, text: 'between' };
        yield { stream: 'stdout', timeMs: 2000, text: 'end' };
      },
    },
    boot: () => boot,
    config: () => ({ config: {} }),
    power: ({ action }) => {
      actions.push(action);
      return { action };
    },
    ...more,
  };
  const server = await ControlServer.listen(path, backend, silentLog);
  t.teardown(() => server[Symbol.asyncDispose]());
  const ros = async (...argv: string[]) => {
    const said = { out: '', err: '' };
    const code = await runRos(argv, {
      socketPath: path,
      out: text => (said.out += text),
      err: text => (said.err += text),
    });
    return { code, ...said };
  };
  return { path, actions, ros };
}

function ask(socketPath: string, method: string, path: string, body?: string) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const call = request({ socketPath, method, path, agent: false }, response => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

t.test('only root can open the socket', async t => {
  const { path } = await listen(t);
  t.equal(statSync(path).mode & 0o777, 0o600);
});

t.test('requests that are wrong', async t => {
  const { path, actions } = await listen(t, {
    config: () => {
      throw new Error('a bug');
    },
  });
  const cases: { desc: string; call: [string, string, string?]; status: number; code: string }[] = [
    { desc: 'unknown path', call: ['GET', '/nothing'], status: 404, code: 'CONTROL_NO_ROUTE' },
    {
      desc: 'a name of the prototype',
      call: ['GET', '/../constructor'],
      status: 404,
      code: 'CONTROL_NO_ROUTE',
    },
    {
      desc: 'a verb that is none',
      call: ['POST', '/services/udev/eat'],
      status: 404,
      code: 'CONTROL_NO_ROUTE',
    },
    { desc: 'a name that is none', call: ['GET', '/services/%2e%2e'], status: 404, code: 'CONTROL_NO_ROUTE' },
    {
      desc: 'not a number',
      call: ['GET', '/services/udev/logs?tail=x'],
      status: 400,
      code: 'CONTROL_BAD_REQUEST',
    },
    { desc: 'wrong method', call: ['DELETE', '/services'], status: 404, code: 'CONTROL_NO_ROUTE' },
    { desc: 'no JSON', call: ['POST', '/power', '{'], status: 400, code: 'CONTROL_BAD_REQUEST' },
    {
      desc: 'unknown action',
      call: ['POST', '/power', '{"action":"explode"}'],
      status: 400,
      code: 'CONTROL_BAD_REQUEST',
    },
    {
      desc: 'too large',
      call: ['POST', '/power', `{"action":"poweroff","pad":"${'x'.repeat(70_000)}"}`],
      status: 400,
      code: 'CONTROL_BAD_REQUEST',
    },
    { desc: 'a bug of ours', call: ['GET', '/config'], status: 500, code: 'INTERNAL' },
  ];
  for (const { desc, call, status, code } of cases) {
    const answer = await ask(path, ...call);
    t.equal(answer.status, status, desc);
    t.match(answer.text, `"code":"${code}"`, desc);
  }
  t.same(actions, []);
  t.throws(() => parsePowerRequest(null), { code: 'CONTROL_BAD_REQUEST' });
});

t.test('ros prints what the machine says', async t => {
  const { ros, actions } = await listen(t);
  t.same(await ros('-v'), { code: 0, out: 'version v0.1.0 from image box 1\n', err: '' });
  t.equal(
    (await ros('service', 'list')).out,
    [
      'NAME  SECTION   STATUS   RESTARTS  UP AT  IMAGE               DETAIL',
      'udev  services  up       2         2.50s  system-images/udev',
      'ntp   services  waiting  0         -      system-images/ntp   waiting for network',
      '',
    ].join('\n'),
  );
  t.same(JSON.parse((await ros('service', 'ls', '--json')).out), services);
  t.equal(
    (await ros('boot')).out,
    [
      'AT     TOOK   WHAT                  DETAIL',
      '0.00s  1.00s  early kernel',
      '1.00s  0.50s  early core',
      '1.50s         early tools left out  not found',
      '1.90s         system-docker',
      '2.00s  0.25s  phase state           none',
      '2.50s  0.50s  service udev',
      '9.00s         system-docker, again',
      '',
      '[ready] box 1 services=1/2 failed=ntp uptime=4.00s',
      '',
    ].join('\n'),
  );
  t.match(await ros('reboot'), { code: 0, out: 'going down (reboot)\n' });
  t.same(actions, ['reboot']);
});

t.test('ros controls services and prints their logs', async t => {
  const { ros, actions } = await listen(t);
  t.same(await ros('service', 'restart', 'udev'), { code: 0, out: 'udev is up\n', err: '' });
  t.match(await ros('s', 'start', 'udev', 'broken', 'ntp'), {
    code: 1,
    err: 'ros: service broken failed: exit code 3 (SERVICE_FAILED)\nhint: run "ros service logs broken"\n',
  });
  t.same(actions, ['restart udev', 'start udev', 'start broken'], 'the first fault ends it');
  t.match(await ros('service', 'stop', 'nobody'), { code: 1, err: /there is no service "nobody"/ });
  t.match(await ros('service', 'stop'), { code: 2, err: /missing required argument/ });
  t.same(await ros('service', 'logs', 'udev', '-n', '5'), {
    code: 0,
    out: 'udev false 5: end\n',
    err: 'between\n',
  });
  t.match(await ros('service', 'logs', 'udev', '-f', '-t'), {
    out: '1970-01-01T00:00:00.000Z udev true undefined: end\n',
    err: '1970-01-01T00:00:01.000Z between\n',
  });
  t.match(await ros('service', 'logs', 'udev', '-n', 'many'), { code: 1, err: /must be a number/ });
  t.equal(
    (await ros('service', 'status', 'udev')).out,
    [
      'Name:        udev',
      'Status:      up',
      'Section:     services',
      'Image:       system-images/udev',
      'Process:     7',
      'Restarts:    2',
      'Started at:  1.00s',
      'Up at:       2.50s',
      'After:       network',
      'Up when:     its own message',
      'Timeout:     30.00s',
      'On failure:  continue',
      'Restart:     always, after 0.1 s, then up to 60 s',
      "Stop:        the image's signal or SIGTERM, killed after 10 s",
      '',
    ].join('\n'),
  );
});

t.test('ros when something is wrong', async t => {
  const { ros, path } = await listen(t);
  t.match(await ros('frobnicate'), { code: 2, err: /unknown command/ });
  t.match(await ros('--help'), { code: 0, out: /service\|s +the services of this machine/ });
  const gone = { err: '', out: '' };
  const code = await runRos(['-v'], {
    socketPath: `${path}-gone`,
    out: text => (gone.out += text),
    err: text => (gone.err += text),
  });
  t.equal(code, 1);
  t.match(gone.err, /CONTROL_UNREACHABLE[^]*hint: is this a machine of Slipway/);
});

t.test('how a service is', async t => {
  const definition = createService('a');
  const up = { status: { status: 'up' }, startedAt: 1, upAt: 2 } as const;
  const container = {
    id: 'x',
    name: 'a',
    image: '',
    imageId: '',
    status: 'running',
    pid: 9,
    exitCode: 3,
    restartCount: 1,
    stopRequested: false,
    labels: {},
  } as const;
  const view = (...args: Parameters<typeof serviceView>) => {
    const { status, detail } = serviceView(...args);
    return `${status}: ${detail}`;
  };
  t.equal(view(definition, up, undefined, container), 'up: ');
  t.equal(
    view(definition, up, undefined, { ...container, status: 'restarting' }),
    'restarting: ended with exit code 3',
  );
  t.equal(view(definition, up, undefined, { ...container, status: 'exited' }), 'stopped: exit code 3');
  t.equal(view(definition, up, undefined, undefined), 'stopped: its container is gone');
  t.equal(view(definition, { status: { status: 'failed', reason: 'r' } }, undefined, undefined), 'failed: r');
  t.equal(
    view(definition, undefined, { services: ['b'], conditions: ['state'] }, undefined),
    'waiting: waiting for b, state',
  );
  const ready = { kind: 'tcp', host: '127.0.0.1', port: 80, intervalMs: 1 } as const;
  const starting = { status: { status: 'starting' } } as const;
  t.equal(
    view(createService('a', { ready }), starting, undefined, container),
    'starting: waiting for port 80 on 127.0.0.1',
  );
  t.equal(
    view(createService('a', { section: 'onboot' }), starting, undefined, container),
    'starting: waiting for its end',
  );
  t.equal(
    view(createService('z', { section: 'onshutdown' }), undefined, undefined, undefined),
    'pending: runs at shutdown',
  );
});
