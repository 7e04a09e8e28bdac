import { manifestImages } from '../../shared/manifest/index.ts';
import type { AssembledPackage } from '../assemble/inputs.ts';
import type { Lock } from '../lock/lock.ts';
import type { Project } from '../project.ts';
import { formatBytes, stripControls } from '../report/format.ts';
import type { BuildRecord } from './build-record.ts';

/** What a build holds, for people; safe to show whoever wrote the record. */
export function formatRecord(record: BuildRecord): string {
  const lines = [
    `${record.name} ${record.version} for ${record.arch}, build ${record.buildId}, made by Slipway ${record.slipwayVersion}`,
    `inputs as of ${new Date(record.epoch * 1000).toISOString()}`,
    '',
    `kernel   ${record.kernel.release} (${record.kernel.package} ${record.kernel.version}), ${record.kernel.modules} modules`,
    `         ${record.kernel.cmdline}`,
    `node     ${record.node}`,
    '',
    'services',
    ...table(record.services.map(({ section, name, image }) => [section, name, image])),
    '',
    'parts on the medium',
    ...table(Object.entries(record.parts).map(([name, size]) => [name, formatBytes(size)])),
    '',
    'images, unpacked',
    ...table(
      record.images.map(({ name, sizeBytes, services }) => [
        name,
        formatBytes(sizeBytes),
        services.join(', '),
      ]),
    ),
  ];
  const groups: [string, readonly AssembledPackage[]][] = [
    ['the core', record.corePackages],
    ['the initrd', record.initrdPackages],
    ...record.images.map((image): [string, readonly AssembledPackage[]] => [image.name, image.packages]),
  ];
  for (const [name, packages] of groups) {
    if (packages.length === 0) continue;
    lines.push('', `packages of ${name}`);
    lines.push(
      ...table(
        packages.map(pkg => [
          pkg.name,
          pkg.version,
          formatBytes(pkg.sizeBytes),
          pkg.skippedScripts.length > 0 ? `scripts not run: ${pkg.skippedScripts.join(', ')}` : '',
        ]),
      ),
    );
  }
  if (record.kernel.missingFirmware.length > 0) {
    lines.push('', 'firmware that chosen drivers may ask for and that is not inside');
    lines.push(...record.kernel.missingFirmware.map(name => `  ${name}`));
  }
  return stripControls(`${lines.join('\n')}\n`);
}

/** What a lock says that a build will hold, for people. */
export function formatLockedProject(project: Project, lock: Lock): string {
  const { manifest } = project;
  const lines = [
    `${manifest.name} ${manifest.version ?? lock.slipway}, locked by Slipway ${lock.slipway}`,
    '',
    'services',
    ...table(manifest.services.map(({ section, name, image }) => [section, name, image.text])),
  ];
  const spelled = new Map(manifestImages(manifest).map(({ source, text }) => [source.name, text]));
  for (const [arch, locked] of Object.entries(lock.architectures)) {
    lines.push('', `${arch}: node ${locked.node.version}`);
    for (const [name, image] of Object.entries(locked.images))
      lines.push(`  image ${name}  ${image.manifest.digest}`);
    for (const [set, ids] of Object.entries(locked.sets)) {
      const sizeBytes = ids.reduce((sum, id) => sum + (locked.packages[id]?.sizeBytes ?? 0), 0);
      const image = /^image:(.*)$/s.exec(set)?.[1];
      const shown = image === undefined ? set : `image ${spelled.get(image) ?? image}`;
      lines.push(
        '',
        `  ${shown}: ${ids.length} package${ids.length === 1 ? '' : 's'}, ${formatBytes(sizeBytes)} packed`,
      );
      lines.push(...table(ids.map(id => id.split('=', 2))).map(line => `  ${line}`));
    }
  }
  return stripControls(`${lines.join('\n')}\n`);
}

/** Columns as wide as their widest cell, two blanks apart. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows.map(row => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
}
