import { Writable } from 'node:stream';
import t from 'tap';
import type { Reply } from '../../../../../src/machine/engine/http/exchange.ts';
import { ProgressStream } from '../../../../../src/machine/engine/http/progress-stream.ts';
import { ToolError } from '../../../../../src/shared/errors.ts';

/** A client that reads when it is told to. */
class Client extends Writable {
  text = '';
  #waiting: (() => void) | undefined;
  reads = true;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    if (this.reads) done();
    else this.#waiting = done;
  }

  read(): void {
    this.reads = true;
    this.#waiting?.();
  }

  get messages(): unknown[] {
    return this.text
      .split('\r\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as unknown);
  }
}

function replyTo(client: Client): { readonly reply: Reply; readonly begun: () => boolean } {
  let begun = false;
  const stream = (): Writable => {
    begun = true;
    return client;
  };
  return { reply: { stream } as unknown as Reply, begun: () => begun };
}

const fault = new ToolError('no such thing', { code: 'IMAGE_NOT_FOUND', kind: 'not-found' });

t.test('a fault before the first message is an ordinary refusal', async t => {
  const client = new Client();
  const { reply, begun } = replyTo(client);
  await t.rejects(
    new ProgressStream(reply).run(() => Promise.reject(fault)),
    fault,
  );
  t.notOk(begun());
});

t.test('a fault after it is a message', async t => {
  const client = new Client();
  const stream = new ProgressStream(replyTo(client).reply);
  await stream.run(async () => {
    stream.send({ status: 'Pulling', id: 'x' });
    await Promise.reject(fault);
  });
  t.same(client.messages, [
    { status: 'Pulling', id: 'x' },
    { errorDetail: { message: 'no such thing' }, error: 'no such thing' },
  ]);
  t.ok(client.writableEnded);
});

t.test('the bar of older clients', async t => {
  const client = new Client();
  const stream = new ProgressStream(replyTo(client).reply);
  await stream.run(() => {
    stream.send({ status: 'Downloading', id: 'x', progressDetail: { current: 500_000, total: 2_000_000 } });
    return Promise.resolve();
  });
  t.match(client.messages[0], { progress: `[${'='.repeat(12)}>${' '.repeat(37)}]    500kB/2MB` });
});

t.test('a client that does not read gets the newest state, and costs little', async t => {
  const client = new Client();
  client.reads = false;
  const stream = new ProgressStream(replyTo(client).reply);
  const done = stream.run(async () => {
    for (let current = 1; current <= 20_000; current++) {
      stream.send({ status: 'Downloading', id: 'x', progressDetail: { current, total: 20_000 } });
    }
    t.ok(client.writableLength < 400 * 1024, `${client.writableLength} bytes wait`);
    stream.send({ status: 'Pull complete', id: 'y' });
    client.read();
    await new Promise(resolve => setImmediate(resolve));
  });
  await done;
  t.ok(client.messages.length < 5000, `${client.messages.length} messages came`);
  t.ok(client.text.includes('Pull complete'));
  t.ok(client.text.includes('"current":20000'), 'the last state came');
});
