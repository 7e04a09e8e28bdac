import { readFileSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { formatError } from '../../../../src/build/report/error.ts';
import { EXIT, exitCodeOf } from '../../../../src/build/report/exit-code.ts';
import { type ErrorKind, ToolError } from '../../../../src/shared/errors.ts';

const fault = (message: string, more: { hint?: string; cause?: unknown } = {}): ToolError =>
  new ToolError(message, { code: 'FETCH_FAILED', kind: 'unavailable', ...more });

async function thrownBy(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('it threw nothing');
}

t.test('message, causes, hint and code', async t => {
  const cause = new Error('the socket was closed', { cause: new Error('reset by peer') });
  t.equal(
    formatError(fault('fetching x: it ended early', { cause, hint: 'try again' })),
    'error: fetching x: it ended early\n' +
      '  because the socket was closed\n' +
      '  because reset by peer\n' +
      '  hint: try again\n' +
      '  code: FETCH_FAILED\n',
  );
  t.equal(
    formatError(fault('fetching x: reset by peer', { cause: new Error('reset by peer') })),
    'error: fetching x: reset by peer\n  code: FETCH_FAILED\n',
    'a cause that the message tells is not repeated',
  );
});

t.test('causes that go in a circle come to an end', async t => {
  const cause = new Error('first');
  cause.cause = new Error('second', { cause });
  t.equal(formatError(fault('x', { cause })).split('because').length - 1, 2);
});

t.test('control characters cannot reach the terminal', async t => {
  const text = formatError(
    fault('bad \u001b[31mname\u0007\r', { hint: 'see \u009b2J', cause: new Error('\u001b]0;owned\u0007') }),
  );
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  t.match(text, 'bad \\x1b[31mname\\x07\\x0d');
});

t.test('credentials are left out', async t => {
  const text = formatError(
    fault('getting https://joe:s3cret@mirror.example/debian?a=1&X-Amz-Signature=abc123&b=2', {
      cause: new Error('sent Authorization: Bearer eyJhbGciOi.J9'),
      hint: 'see http://t0ken@proxy.example:3128/',
    }),
  );
  for (const secret of ['joe', 's3cret', 'abc123', 'eyJhbGciOi', 't0ken']) t.notMatch(text, secret);
  t.match(text, 'https://***@mirror.example/debian?a=1&X-Amz-Signature=***&b=2');
  t.match(formatError(fault('write to me@site.example, see https://a.example/@x')), 'me@site.example');
});

t.test('a refusal of the operating system is no bug', async t => {
  const folder = t.testdir({ file: '', folder: {} });
  const notAFolder = await thrownBy(() => mkdir(join(folder, 'file/below')));
  t.equal(
    formatError(notAFolder),
    `error: mkdir ${folder}/file/below: not a directory\n` +
      '  hint: a part of that path is a file; name a folder\n' +
      '  code: ENOTDIR\n',
  );
  t.equal(exitCodeOf(notAFolder), 74);
  t.match(
    formatError(await thrownBy(() => writeFile(join(folder, 'folder'), ''))),
    /^error: open .*EISDIR\n$/s,
  );
  // Writing to a file that is open has no path to tell.
  const full = await thrownBy(async () => {
    await using file = await open('/dev/full', 'w');
    await file.writeFile('x');
  });
  t.equal(
    formatError(full),
    'error: write: no space left on device\n' +
      '  hint: make room on that disk, or name a folder on another one\n' +
      '  code: ENOSPC\n',
  );
  t.equal(exitCodeOf(full), 74);
});

t.test('a bug keeps its stack', async t => {
  const text = formatError(new TypeError('x is not a function'));
  t.match(text, /^this is a bug in slipway:\nTypeError: x is not a function\n {4}at /);
  t.equal(exitCodeOf(new TypeError('x')), 70);
  t.match(formatError('thrown text'), 'thrown text');
  // A code alone is no refusal of the system: Node's own errors of usage have one.
  t.equal(exitCodeOf(Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' })), 70);
});

t.test('an interruption', async t => {
  const reason: unknown = AbortSignal.abort().reason;
  t.equal(formatError(reason), 'interrupted; nothing was left half-written\n');
  t.equal(exitCodeOf(reason), 130);
});

t.test('exit codes are those that docs/exit-codes.md lists', async t => {
  const path = join(import.meta.dirname, '../../../../docs/exit-codes.md');
  const listed = [...readFileSync(path, 'utf8').matchAll(/^\| (\d+) /gm)].map(([, code]) => Number(code));
  const kinds: readonly ErrorKind[] = [
    'invalid-input',
    'not-found',
    'conflict',
    'not-modified',
    'forbidden',
    'unsupported',
    'environment',
    'unavailable',
    'integrity',
    'io',
    'internal',
  ];
  const used = new Set<number>(Object.values(EXIT));
  for (const kind of kinds) used.add(exitCodeOf(new ToolError('x', { code: 'X', kind })));
  t.strictSame(
    listed,
    [...used].sort((a, b) => a - b),
  );
});
