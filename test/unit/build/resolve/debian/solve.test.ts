import t from 'tap';
import { PackageTable, joinTables } from '../../../../../src/build/resolve/debian/package-table.ts';
import { type PackageSet, resolvePackages } from '../../../../../src/build/resolve/debian/solve.ts';

/** `a 1 Depends: b | c; Provides: d` -> a paragraph of a package index. */
function paragraph(line: string): string {
  const [, name = '', version = '', fields = ''] = /^(\S+) (\S+) ?(.*)$/.exec(line) ?? [];
  const more = fields
    .split(';')
    .map(field => field.trim())
    .filter(Boolean);
  return [
    `Package: ${name}`,
    `Version: ${version}`,
    'Architecture: amd64',
    ...more,
    `Filename: pool/main/${name[0]}/${name}/${name}_${version}_amd64.deb`,
    'Size: 1000',
    `SHA256: ${'0'.repeat(64)}`,
  ].join('\n');
}

function table(suite: string, lines: readonly string[]): PackageTable {
  return new PackageTable(
    lines
      .map(paragraph)
      .map(text => `${text}\n`)
      .join('\n'),
    {
      archive: 'debian',
      suite,
      arch: 'amd64',
    },
  );
}

function solve(lines: readonly string[], want: readonly string[], more: Partial<PackageSet> = {}): string {
  const catalog = joinTables([table('trixie', lines)]);
  return resolvePackages(catalog, { want, omit: [], ...more }, 'amd64')
    .map(one => `${one.name}=${one.version}`)
    .join(' ');
}

t.test('choices', async t => {
  const cases: readonly { desc: string; lines: string[]; want: string[]; omit?: string[]; expect: string }[] =
    [
      {
        desc: 'dependencies and their dependencies, sorted',
        lines: ['c 1', 'b 1 Depends: c', 'a 1 Depends: b (>= 1)', 'x 1'],
        want: ['a'],
        expect: 'a=1 b=1 c=1',
      },
      { desc: 'Pre-Depends count', lines: ['a 1 Pre-Depends: b', 'b 1'], want: ['a'], expect: 'a=1 b=1' },
      {
        desc: 'recommendations do not',
        lines: ['a 1 Recommends: b', 'b 1'],
        want: ['a'],
        expect: 'a=1',
      },
      {
        desc: 'the first alternative',
        lines: ['a 1 Depends: b | c', 'b 1', 'c 1'],
        want: ['a'],
        expect: 'a=1 b=1',
      },
      {
        desc: 'the alternative that is chosen anyway',
        lines: ['a 1 Depends: b | c', 'b 1', 'c 1', 'd 1 Depends: c'],
        want: ['a', 'd'],
        expect: 'a=1 c=1 d=1',
      },
      {
        desc: 'the alternative that can be had',
        lines: ['a 1 Depends: gone | b (>= 2) | c', 'b 1', 'c 1'],
        want: ['a'],
        expect: 'a=1 c=1',
      },
      {
        desc: 'an alternative whose own needs fail is passed over',
        lines: ['a 1 Depends: b | c', 'b 1 Depends: gone', 'c 1'],
        want: ['a'],
        expect: 'a=1 c=1',
      },
      {
        desc: 'the package of that name goes before those that provide it',
        lines: ['a 1 Depends: b', 'b 1', 'c 1 Provides: b'],
        want: ['a'],
        expect: 'a=1 b=1',
      },
      {
        desc: 'of several that provide it the more important',
        lines: [
          'a 1 Depends: v',
          'b 1 Priority: optional; Provides: v',
          'c 1 Priority: important; Provides: v',
        ],
        want: ['a'],
        expect: 'a=1 c=1',
      },
      {
        desc: 'versioned provisions',
        lines: ['a 1 Depends: v (>= 2)', 'b 1 Provides: v', 'c 1 Provides: v (= 1)', 'd 1 Provides: v (= 3)'],
        want: ['a'],
        expect: 'a=1 d=1',
      },
      {
        desc: 'a conflict leads to the next alternative',
        lines: ['a 1 Depends: b | c, d', 'b 1 Conflicts: d', 'c 1', 'd 1'],
        want: ['a'],
        expect: 'a=1 c=1 d=1',
      },
      {
        desc: 'a conflict of what is chosen already',
        lines: ['a 1 Depends: d, b | c', 'b 1', 'c 1', 'd 1 Breaks: b'],
        want: ['a'],
        expect: 'a=1 c=1 d=1',
      },
      {
        desc: 'Breaks with a version that does not hit is no conflict',
        lines: ['a 1 Depends: b; Breaks: b (<< 1)', 'b 1'],
        want: ['a'],
        expect: 'a=1 b=1',
      },
      {
        desc: 'a package may conflict with what it provides itself',
        lines: ['a 1 Provides: v; Conflicts: v'],
        want: ['a'],
        expect: 'a=1',
      },
      {
        desc: 'cycles',
        lines: ['a 1 Depends: b', 'b 1 Depends: a'],
        want: ['a'],
        expect: 'a=1 b=1',
      },
      {
        desc: 'what is omitted counts as installed, in any version and with what it provides',
        lines: ['a 1 Depends: b (>= 5), v', 'b 1 Provides: v', 'c 1 Provides: v'],
        want: ['a'],
        omit: ['b'],
        expect: 'a=1',
      },
      {
        desc: 'qualifiers',
        lines: ['a 1 Depends: b:any, c:amd64', 'b 1', 'c 1'],
        want: ['a'],
        expect: 'a=1 b=1 c=1',
      },
      { desc: 'a wish with a version', lines: ['a 1'], want: ['a=1', 'a (>= 0.5)'], expect: 'a=1' },
      {
        desc: 'a wish that only one package provides',
        lines: ['a 1 Provides: v'],
        want: ['v'],
        expect: 'a=1',
      },
    ];
  for (const { desc, lines, want, omit = [], expect } of cases) {
    t.equal(solve(lines, want, { omit }), expect, desc);
  }
});

t.test('faults are explained', async t => {
  const cases: readonly { desc: string; lines: string[]; want: string[]; code: string; message: string }[] = [
    {
      desc: 'a chain down to what is missing',
      lines: ['a 1 Depends: b (>= 2)', 'b 2 Depends: c'],
      want: ['a'],
      code: 'PACKAGES_UNSATISFIABLE',
      message: 'resolving packages for amd64: a 1 needs b 2 needs c: c is not available',
    },
    {
      desc: 'too old',
      lines: ['a 1 Depends: b (>= 2)', 'b 1'],
      want: ['a'],
      code: 'PACKAGES_UNSATISFIABLE',
      message: 'resolving packages for amd64: a 1 needs b (>= 2): b is available only as 1',
    },
    {
      desc: 'a conflict',
      lines: ['a 1 Depends: c', 'b 1 Conflicts: c', 'c 1'],
      want: ['a', 'b'],
      code: 'PACKAGES_UNSATISFIABLE',
      message: 'resolving packages for amd64: b: b 1 conflicts with c 1 (c)',
    },
    {
      desc: 'two wishes for different versions',
      lines: ['a 1', 'a 2'],
      want: ['a=1', 'a=2'],
      code: 'PACKAGES_UNSATISFIABLE',
      message: 'resolving packages for amd64: a (= 2): a 1 is chosen already (a 1)',
    },
    {
      desc: 'unknown',
      lines: ['a 1'],
      want: ['b'],
      code: 'PACKAGE_UNKNOWN',
      message: 'resolving packages for amd64: b is in no index',
    },
    {
      desc: 'virtual',
      lines: ['a 1 Provides: v', 'b 1 Provides: v'],
      want: ['v'],
      code: 'PACKAGE_VIRTUAL',
      message: 'resolving packages for amd64: v is provided by several packages',
    },
  ];
  for (const { desc, lines, want, code, message } of cases) {
    t.throws(() => solve(lines, want), { code, message }, desc);
  }
});

t.test('a wish that no index has comes with the name that is nearest', async t => {
  const lines = ['nginx 1', 'nginx-common 1', 'chrony 1', 'python3 1', 'python3-acme 1', 'xginx 1'];
  for (const [wish, hint] of [
    ['ngnix', 'did you mean "nginx"?'],
    ['chronyd', 'did you mean "chrony"?'],
    ['python', 'did you mean "python3"?'],
    ['entirely-else', 'check the name; only Debian 13, section main, is used'],
  ] as const)
    t.throws(() => solve(lines, [wish]), { code: 'PACKAGE_UNKNOWN', hint }, wish);
});

t.test('the newest of several suites, unless an older one is to be kept', async t => {
  const catalog = joinTables([
    table('trixie', ['a 1 Depends: b', 'b 1']),
    table('trixie-security', ['b 1.1']),
  ]);
  const versions = (keep?: ReadonlyMap<string, string>): string[] =>
    resolvePackages(catalog, { want: ['a'], omit: [], ...(keep ? { keep } : {}) }, 'amd64').map(
      one => one.version,
    );
  t.strictSame(versions(), ['1', '1.1']);
  t.strictSame(versions(new Map([['b', '1']])), ['1', '1']);
  t.strictSame(versions(new Map([['b', '0.9']])), ['1', '1.1'], 'what has gone from the index is not kept');
});

t.test('hostile fields of an index are refused', async t => {
  const sound = paragraph('a 1');
  const cases = [
    sound.replace('pool/main/a/a/a_1_amd64.deb', 'pool/../../etc/passwd.deb'),
    sound.replace('pool/main/a/a/a_1_amd64.deb', '/pool/a.deb'),
    sound.replace('Size: 1000', 'Size: -1'),
    sound.replace('0'.repeat(64), 'nothash'),
    sound.replace('Architecture: amd64', 'Architecture: i386'),
  ];
  for (const text of cases) {
    const one = new PackageTable(`${text}\n`, { archive: 'debian', suite: 'trixie', arch: 'amd64' });
    t.throws(() => one.named('a'), { code: 'INDEX_MALFORMED' });
  }
  t.throws(
    () => new PackageTable('Version: 1\nPackage: a\n', { archive: 'debian', suite: 's', arch: 'amd64' }),
    {
      code: 'INDEX_MALFORMED',
    },
  );
});
