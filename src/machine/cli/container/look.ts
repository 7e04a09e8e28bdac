import { CommandFailure } from '../failure.ts';
import type { Definition } from '../flags.ts';
import { naturalOrder } from '../natural-order.ts';
import { alignColumns } from '../tabwriter.ts';
import { containerPath } from './lifecycle.ts';

/** `top`: columns of `ps`, twenty wide at least. */
export const defineTop: Definition = (command, session) => {
  command.stopsAtOperand = true;
  command.operands('CONTAINER [ps OPTIONS]', 1).runs(session, async ([container = '', ...words]) => {
    const answer = (await session.client.request('GET', containerPath(container, '/top'), {
      query: { ps_args: words.length === 0 ? undefined : words.join(' ') },
    })) as { readonly Titles: readonly string[]; readonly Processes: readonly (readonly string[])[] | null };
    const lines = [answer.Titles, ...(answer.Processes ?? [])].map(cells => `${cells.join('\t')}\n`);
    await session.print(alignColumns(lines.join(''), { minWidth: 20, padding: 3 }));
  });
};

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** `port` */
export const definePort: Definition = (command, session) => {
  command
    .operands('CONTAINER [PRIVATE_PORT[/PROTO]]', 1, 2)
    .runs(session, async ([container = '', wanted]) => {
      const answer = (await session.client.request('GET', containerPath(container, '/json'))) as {
        readonly NetworkSettings: {
          readonly Ports?: Readonly<Record<string, readonly Binding[] | null>> | null;
        };
      };
      const ports = answer.NetworkSettings.Ports ?? {};
      const show = ({ HostIp, HostPort }: Binding): string =>
        `${HostIp.includes(':') ? `[${HostIp}]` : HostIp}:${HostPort}`;
      if (wanted !== undefined) {
        const [port = '', protocol = 'tcp'] = wanted.split('/');
        const bindings = ports[`${port}/${protocol}`] ?? [];
        if (bindings.length === 0) {
          throw new CommandFailure(1, `Error: No public port '${wanted}' published for ${container}`);
        }
        await session.print(bindings.map(binding => `${show(binding)}\n`).join(''));
        return;
      }
      const lines = Object.entries(ports).flatMap(([port, bindings]) =>
        (bindings ?? []).map(binding => `${port} -> ${show(binding)}`),
      );
      await session.print(
        lines
          .sort(naturalOrder)
          .map(line => `${line}\n`)
          .join(''),
      );
    });
};

const KINDS = ['C', 'A', 'D'];

/** `diff` */
export const defineDiff: Definition = (command, session) => {
  command.operands('CONTAINER', 1, 1).runs(session, async ([container = '']) => {
    const changes = (await session.client.request('GET', containerPath(container, '/changes'))) as
      readonly { readonly Kind: number; readonly Path: string }[] | null;
    await session.print((changes ?? []).map(({ Kind, Path }) => `${KINDS[Kind] ?? '?'} ${Path}\n`).join(''));
  });
};
