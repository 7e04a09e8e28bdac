/**
 * The same command line by Docker's own client and by ours, against the same answers: they must print the same, end
 * with the same code and ask the engine for the same. What differs on purpose is listed with its reason.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import t from 'tap';
import { runSystemDockerCommand } from '../../src/machine/cli/main.ts';
import type { CliStreams } from '../../src/machine/cli/terminal.ts';
import { dockerAnswers } from '../support/docker-answers.ts';
import { findEngineRoot } from '../support/engine-root.ts';
import { testPrograms } from '../support/engine.ts';
import { type RecordedRequest, startFakeDocker } from '../support/fake-docker.ts';

process.env.TZ = 'UTC';
t.setTimeout(600_000);
const folder = t.testdir({
  bin: {},
  home: {},
  tree: { f: 'hi\n' },
  'file.txt': 'text\n',
  'vars.env': 'A=b\n# c\nHOME\n  X=y z\nNO\n',
});
const { docker } = testPrograms(await findEngineRoot(), join(folder, 'bin'));
const fake = await startFakeDocker(join(folder, 'docker.sock'));
t.teardown(() => fake[Symbol.asyncDispose]());

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly requests: readonly string[];
}

const environment = {
  DOCKER_HOST: `unix://${fake.socketPath}`,
  HOME: join(folder, 'home'),
  TZ: 'UTC',
  PATH: process.env.PATH,
};

async function theirs(words: readonly string[]): Promise<Outcome> {
  fake.answerWith(dockerAnswers());
  const child = spawn(docker, words, { env: environment, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [child.stdout, child.stderr].map(stream => stream.setEncoding('utf8').toArray());
  const code = await new Promise<number | null>(resolve => child.on('close', resolve));
  return {
    code,
    stdout: ((await stdout) ?? []).join(''),
    stderr: ((await stderr) ?? []).join(''),
    requests: fake.requests.map(formatRequest),
  };
}

async function ours(words: readonly string[]): Promise<Outcome> {
  fake.answerWith(dockerAnswers());
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const texts = [stdout, stderr].map(stream => stream.setEncoding('utf8').toArray());
  const before = process.cwd();
  process.chdir(folder);
  const code = await runSystemDockerCommand(words, {
    streams: { stdin: Readable.from([]), stdout, stderr } as unknown as CliStreams,
    socketPath: '/nowhere',
    clock: Date.now,
    env: environment,
  });
  process.chdir(before);
  stdout.end();
  stderr.end();
  const [out, err] = await Promise.all(texts);
  const named = (text: string): string => text.replaceAll('system-docker', 'docker');
  return {
    code,
    stdout: named((out ?? []).join('')),
    stderr: named((err ?? []).join('')),
    requests: fake.requests.map(formatRequest),
  };
}

/** What matters of a request, in one line; what type a client says that a body has does not. */
function formatRequest({ method, path, query, headers, body }: RecordedRequest): string {
  const auth = headers['x-registry-auth'];
  return [method, path, sorted(query), auth === undefined ? '' : `auth ${auth}`, sortedText(body)]
    .join(' ')
    .trim();
}

function sortedText(body: string): string {
  try {
    return sorted(JSON.parse(body));
  } catch {
    return body.replaceAll('\0', '');
  }
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (key, item: unknown) => {
    // Docker's client keeps the variables of a command line in a map, so each time in another order.
    if (key === 'Env' && Array.isArray(item)) return item.map(String).sort();
    return item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item;
  });
}

/** Descriptions of commands are in words of our own; they end the message on a wrong number of words. */
function withoutDescription(text: string): string {
  return text.replace(/(\n\nUsage: {2}[^\n]*\n)[\s\S]*$/, '$1');
}

/** Requests of Docker's client that ours does without, by the command. */
const UNNEEDED: readonly (readonly [RegExp, RegExp])[] = [
  // A swarm's objects and plugins: there are none.
  [/^inspect/, /^GET \/(info|plugins\/nope\/json) /],
  // Whether the network is a swarm's.
  [/^network rm/, /^GET \/networks\/[nm] /],
  // A second look, because time has passed since the first.
  [/^attach/, /^GET \/containers\/x\/json /],
];

/** Theirs without what ours does not ask for, as often as ours does not. */
function withoutUnneeded(line: string, theirs: readonly string[], ours: readonly string[]): string[] {
  const left = [...ours];
  return theirs.filter(request => {
    const index = left.indexOf(request);
    if (index >= 0) left.splice(index, 1);
    return index >= 0 || !UNNEEDED.some(([where, what]) => where.test(line) && what.test(request));
  });
}

type Tap = Pick<typeof t, 'strictSame'>;

async function compare(t: Tap, line: string): Promise<void> {
  const words = line.split(/ +(?=(?:[^']*'[^']*')*[^']*$)/).map(word => word.replaceAll("'", ''));
  const expected = await theirs(words);
  const found = await ours(words);
  t.strictSame(
    { ...found, stderr: withoutDescription(found.stderr), requests: found.requests.toSorted() },
    {
      ...expected,
      stderr: withoutDescription(expected.stderr),
      requests: withoutUnneeded(line, expected.requests, found.requests).toSorted(),
    },
    line,
  );
}

const SETS: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(join(import.meta.dirname, '../support/command-lines.json'), 'utf8'),
) as Record<string, string[]>;

for (const [name, commandLines] of Object.entries(SETS)) {
  t.test(name, async t => {
    for (const line of commandLines) await compare(t, line);
  });
}

t.test('files are written alike', async t => {
  for (const [index, client] of [theirs, ours].entries()) {
    mkdirSync(join(folder, `to${index}`));
    t.match(await client(['save', '-o', `to${index}/images.tar`, 'x']), { code: 0, stdout: '' });
    t.equal(readFileSync(join(folder, `to${index}/images.tar`), 'utf8'), 'TAR');
    t.match(await client(['run', '-d', '--cidfile', `to${index}/id`, 'x']), { code: 0 });
    t.equal(readFileSync(join(folder, `to${index}/id`), 'utf8'), 'cd'.repeat(32));
    t.match(await client(['run', '-d', '--cidfile', `to${index}/id`, 'x']), {
      code: 125,
      stderr: /container ID file found, make sure the other container isn't running or delete/,
    });
  }
});

t.test('credentials are kept where Docker keeps them', async t => {
  const config = join(folder, 'home/.docker/config.json');
  mkdirSync(join(folder, 'home/.docker'), { recursive: true });
  writeFileSync(config, '{"auths":{},"detachKeys":"ctrl-x"}');
  t.match(await ours(['login', '-u', 'me', '-p', 'secret', 'reg.example']), {
    code: 0,
    stdout: 'Login Succeeded\n',
    requests: ['POST /auth {}  {"password":"secret","serveraddress":"reg.example","username":"me"}'],
  });
  t.match(JSON.parse(readFileSync(config, 'utf8')), {
    auths: { 'reg.example': { auth: Buffer.from('me:secret').toString('base64') } },
    detachKeys: 'ctrl-x',
  });
  const expected = await theirs(['pull', '-q', 'reg.example/x']);
  t.strictSame(await ours(['pull', '-q', 'reg.example/x']), expected, 'and both send them');
  t.match(expected.requests, [/auth eyJ1c2VybmFtZSI6Im1lIi/]);
  t.match(await ours(['logout', 'reg.example']), {
    code: 0,
    stdout: 'Removing login credentials for reg.example\n',
  });
  t.strictSame(JSON.parse(readFileSync(config, 'utf8')), { auths: {}, detachKeys: 'ctrl-x' });
  t.match(await ours(['login']), {
    code: 1,
    stderr: /Cannot perform an interactive login from a non TTY device/,
  });
});
