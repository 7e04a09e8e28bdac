import { PassThrough } from 'node:stream';
import t from 'tap';
import { jsonLines, showProgress } from '../../../../../src/machine/cli/image/progress.ts';
import type { CliStreams } from '../../../../../src/machine/cli/terminal.ts';

async function show(messages: readonly object[], columns: number | undefined): Promise<string> {
  const output = Object.assign(new PassThrough(), { isTTY: columns !== undefined, columns });
  const text = output.setEncoding('utf8').toArray();
  const streams = { stdout: output } as unknown as CliStreams;
  const source = async function* (): AsyncGenerator<Buffer> {
    const bytes = Buffer.from(messages.map(message => `${JSON.stringify(message)}\r\n`).join(''));
    // Cut anywhere, also inside a character.
    for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
  };
  await showProgress({ streams }, streams.stdout, source());
  output.end();
  return (await text).join('');
}

const layer = (id: string, status: string, current?: number, total?: number): object => ({
  id,
  status,
  progressDetail: current === undefined ? {} : { current, total },
});

t.test('lines, where nobody looks', async t => {
  t.equal(
    await show(
      [
        { status: 'Pulling from x/ü', id: '1' },
        layer('aa', 'Pulling fs layer'),
        layer('aa', 'Downloading', 10, 100),
        layer('aa', 'Pull complete'),
        { status: 'Done' },
      ],
      undefined,
    ),
    '1: Pulling from x/ü\naa: Pulling fs layer\naa: Pull complete\nDone\n',
  );
});

t.test('a line for each layer, on a terminal', async t => {
  const text = await show(
    [
      layer('aa', 'Waiting'),
      layer('bb', 'Waiting'),
      layer('aa', 'Downloading', 500, 1000),
      { status: 'Done' },
    ],
    80,
  );
  t.equal(
    text,
    '\n\x1b[1A\x1b[2K\raa: Waiting \r\x1b[1B' +
      '\n\x1b[1A\x1b[2K\rbb: Waiting \r\x1b[1B' +
      '\x1b[2A\x1b[2K\raa: Downloading     500B/1kB\r\x1b[2B' +
      'Done\n',
  );
  const wide = await show([layer('aa', 'Downloading', 500, 1000)], 120);
  t.match(wide, `[${'='.repeat(25)}>${' '.repeat(25)}]     500B/1kB`);
});

t.test('a fault among the messages ends it', async t => {
  await t.rejects(show([{ status: 'x' }, { errorDetail: { message: 'denied' }, error: 'no' }], undefined), {
    message: 'denied',
  });
});

t.test('a stream without end of line is refused before it fills memory', async t => {
  const endless = async function* (): AsyncGenerator<Buffer> {
    for (;;) yield Buffer.alloc(1024 * 1024, 'x');
  };
  await t.rejects(jsonLines(endless()).next(), { message: /no end of line/ });
});
