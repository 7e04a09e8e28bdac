import t from 'tap';
import { DockerCommand, collect, filterQuery, parseInteger } from '../../../../src/machine/cli/flags.ts';

interface Result {
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

const parse = async (argv: readonly string[], stopsAtOperand = false): Promise<Result> => {
  const results: Result[] = [];
  const command = new DockerCommand('run');
  command.stopsAtOperand = stopsAtOperand;
  command
    .description('Do it')
    .operands('IMAGE [COMMAND...]', 1, 3)
    .option('-i, --interactive', '')
    .option('-t, --tty', '')
    .option('-e, --env <list>', '', collect)
    .option('-n, --number <int>', '', parseInteger)
    .option('--sig-proxy', '', true)
    .option('--no-trunc', '')
    .exitOverride()
    .runs({ finish: () => undefined }, async (operands, options: Readonly<Record<string, unknown>>) => {
      results.push({ operands, options });
    });
  await command.parseAsync(argv, { from: 'user' });
  const [result] = results;
  if (result === undefined) throw new Error('it did not run');
  return result;
};

t.test("words are read as Docker's client reads them", async t => {
  const base = { sigProxy: true, trunc: true };
  const cases: readonly (readonly [readonly string[], Result])[] = [
    [['-it', 'x'], { operands: ['x'], options: { ...base, interactive: true, tty: true } }],
    [['-it=false', 'x'], { operands: ['x'], options: { ...base, interactive: true, tty: false } }],
    [['--tty=0', 'x', '-i'], { operands: ['x'], options: { ...base, tty: false, interactive: true } }],
    [
      ['-eA=b', '-e', 'C', '-e=D', '--env=E=f', 'x'],
      { operands: ['x'], options: { ...base, env: ['A=b', 'C', 'D', 'E=f'] } },
    ],
    [['-e', '-x', 'x'], { operands: ['x'], options: { ...base, env: ['-x'] } }],
    [['--env', '--', 'x'], { operands: ['x'], options: { ...base, env: ['--'] } }],
    [['-ite', 'A', 'x'], { operands: ['x'], options: { ...base, interactive: true, tty: true, env: ['A'] } }],
    [
      ['--sig-proxy=false', '--no-trunc', 'x'],
      { operands: ['x'], options: { sigProxy: false, trunc: false } },
    ],
    [['-n', '-5', '--', '-i', 'x'], { operands: ['-i', 'x'], options: { ...base, number: -5 } }],
    [['x', '-'], { operands: ['x', '-'], options: base }],
  ];
  for (const [argv, expected] of cases) t.strictSame(await parse(argv), expected, argv.join(' '));
  t.strictSame(await parse(['-i', 'x', '-t', '--nope'], true), {
    operands: ['x', '-t', '--nope'],
    options: { ...base, interactive: true },
  });
});

t.test("faults are told in Docker's words", async t => {
  const see = "\nSee 'run --help'.";
  const cases: readonly (readonly [readonly string[], number, string])[] = [
    [['--foo', 'x'], 125, `unknown flag: --foo${see}`],
    [['-iz', 'x'], 125, `unknown shorthand flag: 'z' in -z${see}`],
    [['-e'], 125, `flag needs an argument: 'e' in -e${see}`],
    [['--env'], 125, `flag needs an argument: --env${see}`],
    [
      ['-n', 'x', 'y'],
      125,
      `invalid argument "x" for "-n, --number" flag: strconv.ParseInt: parsing "x": invalid syntax${see}`,
    ],
    [
      ['-i=maybe', 'x'],
      125,
      `invalid argument "maybe" for "-i, --interactive" flag: strconv.ParseBool: parsing "maybe": invalid syntax${see}`,
    ],
    [
      [],
      1,
      `"run" requires at least 1 and at most 3 arguments.${see}\n\nUsage:  run [OPTIONS] IMAGE [COMMAND...]\n\nDo it`,
    ],
  ];
  for (const [argv, exitCode, message] of cases) await t.rejects(parse(argv), { exitCode, message });
});

t.test('filters', async t => {
  t.equal(filterQuery(undefined), undefined);
  t.equal(
    filterQuery(['status=exited', 'Label=a=b', 'label=c']),
    '{"status":{"exited":true},"label":{"a=b":true,"c":true}}'.replace('"c":true', '"c":true'),
  );
});
