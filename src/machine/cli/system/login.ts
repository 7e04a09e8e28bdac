import { createInterface } from 'node:readline';
import { HUB_KEY, configPath, registryKey, saveCredentials } from '../credentials.ts';
import { CommandFailure } from '../failure.ts';
import type { Definition } from '../flags.ts';
import type { Session } from '../session.ts';

interface LoginOptions {
  readonly password?: string;
  readonly passwordStdin?: boolean;
  readonly username?: string;
}

/** `login`: the engine tries the credentials; they are kept where Docker keeps them. */
export const defineLogin: Definition = (command, session) => {
  command
    .operands('[SERVER]', 0, 1)
    .option('-p, --password <string>', 'password')
    .option('--password-stdin', 'read the password from stdin')
    .option('-u, --username <string>', 'user name')
    .runs<LoginOptions>(session, async ([server = ''], options) => {
      const { username, password } = await readCredentials(session, options);
      const key = registryKey(server);
      const answer = (await session.client.request('POST', '/auth', {
        body: { username, password, serveraddress: key },
      })) as { readonly Status?: string; readonly IdentityToken?: string } | undefined;
      const token = answer?.IdentityToken ?? '';
      const auth = Buffer.from(`${username}:${password}`).toString('base64');
      await saveCredentials(session, key, token === '' ? { auth } : { identitytoken: token });
      await session.printError(
        `\nWARNING! Your credentials are stored unencrypted in '${configPath(session.env)}'.\n\n`,
      );
      await session.print(`${answer?.Status ?? 'Login Succeeded'}\n`);
    });
};

/** `logout` */
export const defineLogout: Definition = (command, session) => {
  command.operands('[SERVER]', 0, 1).runs(session, async ([server = '']) => {
    const key = registryKey(server);
    const shown = key === HUB_KEY ? HUB_KEY : server;
    await session.print(`Removing login credentials for ${shown}\n`);
    await saveCredentials(session, key, undefined);
  });
};

async function readCredentials(
  session: Session,
  options: LoginOptions,
): Promise<{ readonly username: string; readonly password: string }> {
  const { username = '', password = '', passwordStdin = false } = options;
  if (password !== '') {
    await session.printError('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
    if (passwordStdin) throw new CommandFailure(1, '--password and --password-stdin are mutually exclusive');
  }
  if (passwordStdin) {
    if (username === '') throw new CommandFailure(1, 'Must provide --username with --password-stdin');
    return { username, password: await readAll(session) };
  }
  if (username !== '' && password !== '') return { username, password };
  if (!session.streams.stdin.isTTY) {
    throw new CommandFailure(1, 'Error: Cannot perform an interactive login from a non TTY device');
  }
  const name = username === '' ? await ask(session, 'Username: ', true) : username;
  if (name === '') throw new CommandFailure(1, 'Error: Non-null Username Required');
  const secret = password === '' ? await ask(session, 'Password: ', false) : password;
  if (secret === '') throw new CommandFailure(1, 'Error: Password Required');
  return { username: name, password: secret };
}

const MAX_PASSWORD = 64 * 1024;

async function readAll({ streams }: Session): Promise<string> {
  let text = '';
  for await (const chunk of streams.stdin as AsyncIterable<Buffer | string>) {
    text += chunk.toString();
    if (text.length > MAX_PASSWORD) throw new CommandFailure(1, 'the password is too long');
  }
  return text.replace(/\r?\n$/, '');
}

/** A line of the person at the terminal, shown or not while it is typed. */
async function ask(session: Session, question: string, shows: boolean): Promise<string> {
  const { streams } = session;
  await session.print(question);
  if (!shows) streams.stdin.setRawMode(true);
  try {
    if (shows) {
      const reader = createInterface({ input: streams.stdin });
      const line = await new Promise<string>(resolve => {
        reader.once('line', resolve);
        reader.once('close', () => resolve(''));
      });
      reader.close();
      return line.trim();
    }
    return await readHidden(streams.stdin);
  } finally {
    if (!shows) {
      streams.stdin.setRawMode(false);
      await session.print('\n');
    }
    streams.stdin.pause();
  }
}

function readHidden(stdin: Session['streams']['stdin']): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const take = (chunk: Buffer): void => {
      for (const character of chunk.toString('utf8')) {
        if (character === '\r' || character === '\n' || character === '\x04') {
          stdin.off('data', take);
          resolve(text);
          return;
        }
        if (character === '\x03') {
          stdin.off('data', take);
          reject(new CommandFailure(130, ''));
          return;
        }
        text = character === '\x7f' || character === '\b' ? text.slice(0, -1) : text + character;
      }
    };
    stdin.on('data', take);
    stdin.resume();
  });
}
