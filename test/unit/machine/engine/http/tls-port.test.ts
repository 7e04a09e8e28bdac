import t from 'tap';
import type { TlsSettings } from '../../../../../src/shared/engine-settings.ts';
import { TlsPort } from '../../../../../src/machine/engine/http/tls-port.ts';
import type { SettingsKeeper } from '../../../../../src/machine/engine/settings/settings-keeper.ts';

/** A computer on which two servers cannot have one port, and nobody can listen on 203.0.113.1. */
function computer() {
  const open: string[] = [];
  const port = new TlsPort(async ({ host, port: number }) => {
    const name = `${host}:${number}`;
    if (host === '203.0.113.1' || open.some(other => other.endsWith(`:${number}`))) throw new Error('in use');
    open.push(name);
    return {
      renew: () => undefined,
      [Symbol.asyncDispose]: async () => void open.splice(open.indexOf(name), 1),
    };
  });
  const said: (string | undefined)[] = [];
  const follow = async (tls: TlsSettings | undefined): Promise<void> => {
    const settings = {
      current: { tls },
      readTlsFiles: async () => ({ authority: '', certificate: '', key: '' }),
      say: (about: string, fault: string | undefined) => about === 'TLS port' && said.push(fault),
    };
    await port.follow(settings as unknown as SettingsKeeper);
  };
  return { open, said, follow };
}

t.test('the port follows the settings', async t => {
  const { open, said, follow } = computer();
  await follow({ host: '0.0.0.0', port: 2376 });
  t.same(open, ['0.0.0.0:2376']);
  await follow({ host: '192.0.2.1', port: 2376 });
  t.same(open, ['192.0.2.1:2376'], 'narrowed to one address, which excludes all');
  await follow({ host: '192.0.2.1', port: 2377 });
  t.same(open, ['192.0.2.1:2377']);
  t.same(said, [undefined, undefined, undefined]);
  for (const port of [2377, 2378]) {
    await follow({ host: '203.0.113.1', port });
    t.match(said.at(-1), /in use/);
    t.same(open, ['192.0.2.1:2377'], 'what cannot be done leaves it as it was');
  }
  await follow(undefined);
  t.same(open, []);
});
