import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../../..');

/** Names written like codes that are none. */
const NOT_CODES =
  /^(CAP|HPE|RLIMIT|SCMP|SECCOMP|SLIPWAY|RANCHER)_|^(DOCKER_AUTH_CONFIG|EAI_AGAIN)$|^E[A-Z0-9]+$/;

/** Codes in the sources, and the prefixes of those that are put together there. */
function codesOfSources(): { codes: Map<string, string>; prefixes: string[] } {
  const codes = new Map<string, string>();
  const prefixes: string[] = [];
  for (const name of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.gen.ts')) continue;
    const text = readFileSync(join(root, 'src', name), 'utf8');
    for (const [, code = ''] of text.matchAll(/(?<![\w'])'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g))
      if (!NOT_CODES.test(code)) codes.set(code, name);
    for (const [, code = ''] of text.matchAll(/code: '([A-Z0-9]+)'/g))
      if (!NOT_CODES.test(code)) codes.set(code, name);
    for (const [, prefix = ''] of text.matchAll(/code: `([A-Z_]+_)\$\{/g)) prefixes.push(prefix);
  }
  return { codes, prefixes };
}

const KINDS = [
  ...readFileSync(join(root, 'src/shared/errors.ts'), 'utf8').matchAll(/^ {2}\| '([a-z-]+)'/gm),
].map(([, kind = '']) => kind);

const tables = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  .split('\n## ')
  .slice(1)
  .map(section => ({
    area: section.slice(0, section.indexOf('\n')),
    rows: [...section.matchAll(/^\| `([A-Z0-9_]+)` *\| ([^|]*) \| ([^|]*) \| ([^|]*) \|$/gm)].map(
      ([, code = '', ...cells]) => ({ code, cells: cells.map(cell => cell.trim()) }),
    ),
  }));
const documented = tables.flatMap(({ rows }) => rows.map(({ code }) => code));
const { codes, prefixes } = codesOfSources();

t.test('every code of the sources is documented', t => {
  t.ok(codes.size > 150, 'the sources were searched');
  t.strictSame(
    [...codes].filter(([code]) => !documented.includes(code)),
    [],
  );
  for (const prefix of prefixes)
    t.ok(
      documented.some(code => code.startsWith(prefix)),
      `${prefix}…`,
    );
  t.end();
});

t.test('every documented code exists', t => {
  const isMade = (code: string): boolean => prefixes.some(prefix => code.startsWith(prefix));
  t.strictSame(
    documented.filter(code => !codes.has(code) && !isMade(code)),
    [],
  );
  t.end();
});

t.test('the tables are sorted, each code is in one, and every cell says something', t => {
  t.equal(new Set(documented).size, documented.length);
  for (const { area, rows } of tables) {
    t.ok(rows.length > 0, area);
    t.strictSame(
      rows.map(({ code }) => code),
      rows.map(({ code }) => code).sort(),
      area,
    );
    for (const { code, cells } of rows) {
      t.ok(KINDS.includes(cells[0] ?? ''), `${code} has a kind`);
      t.ok(cells[1] && cells[2], `${code} is explained`);
    }
  }
  t.end();
});
