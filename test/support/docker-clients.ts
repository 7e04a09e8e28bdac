import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loaderPath } from '../../src/build/tools/toolbox.ts';
import { MULTIARCH, hostArch } from '../../src/shared/arch.ts';
import { unpackPackageSets } from './locked-tools.ts';

/** Docker's client and compose of Debian 13, and of the Debian after it: years newer. */
export type ClientName = 'stable' | 'newer';

/** One client as it runs on this computer. */
export interface ClientPrograms {
  readonly docker: string;
  /** The same program as the plugin `docker compose`, started by itself. */
  readonly compose: string;
  /** HOME: a config.json in it says where the plugin is. */
  readonly home: string;
}

const SET = { want: ['docker-cli', 'docker-compose', 'libc6'], omit: ['adduser'] };
const FORKY = [{ archive: 'debian', suite: 'forky' }] as const;

/** Folders with the clients' packages unpacked: SLIPWAY_TEST_CLIENTS where it is set, else made in the store. */
export async function findClientRoots(): Promise<Readonly<Record<ClientName, string>>> {
  const given = process.env.SLIPWAY_TEST_CLIENTS?.split(':');
  const arch = hostArch(process.arch);
  if (!arch) throw new Error(`no packages for ${process.arch}`);
  const [stable = '', newer = ''] =
    given ??
    (await unpackPackageSets([
      { arch, set: SET },
      { arch, set: SET, suites: FORKY },
    ]));
  return { stable, newer };
}

/** Makes the programs of `root` runnable, each through the loader it came with. */
export function clientPrograms(root: string, folder: string): ClientPrograms {
  const arch = hostArch(process.arch) ?? 'amd64';
  const home = join(folder, 'home');
  const plugins = join(folder, 'plugins');
  mkdirSync(join(home, '.docker'), { recursive: true });
  mkdirSync(plugins);
  const program = (file: string, path: string): string => {
    const command = `${join(root, loaderPath(arch))} --library-path ${join(root, 'usr/lib', MULTIARCH[arch])}`;
    writeFileSync(file, `#!/bin/sh\nexec ${command} ${join(root, path)} "$@"\n`, { mode: 0o755 });
    return file;
  };
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ cliPluginsExtraDirs: [plugins] }));
  return {
    docker: program(join(folder, 'docker'), 'usr/bin/docker'),
    compose: program(join(plugins, 'docker-compose'), 'usr/libexec/docker/cli-plugins/docker-compose'),
    home,
  };
}
