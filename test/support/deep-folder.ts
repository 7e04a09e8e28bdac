import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes a folder with so many in each other, `d`, most of them deeper than a path can say; beside each lies a file. */
export function makeDeepFolder(folder: string, levels: number): void {
  const spare = `${folder}.spare`;
  mkdirSync(folder);
  for (let level = 1; level < levels; level += 1) {
    mkdirSync(spare);
    writeFileSync(join(spare, 'file'), 'x');
    renameSync(folder, join(spare, 'd'));
    renameSync(spare, folder);
  }
}
