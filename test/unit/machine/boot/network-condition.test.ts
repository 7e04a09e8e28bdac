import t from 'tap';
import { awaitNetwork } from '../../../../src/machine/boot/network-condition.ts';

/** Seconds at which something comes; a machine without it has none. */
interface Machine {
  readonly route?: number;
  readonly address?: number;
  /** What lasts for 8 seconds before it counts. */
  readonly ipv6?: number;
  /** When it is gone again. */
  readonly ipv6Until?: number;
  /** When a service is held up by the network alone. */
  readonly wanted?: number;
}

/** What came of it, and after how many seconds and looks. */
async function play(machine: Machine, limit = 1000) {
  const { route = Infinity, address = Infinity, ipv6 = Infinity, ipv6Until = Infinity } = machine;
  const { wanted = Infinity } = machine;
  let seconds = 0;
  let looks = 0;
  const stop = new AbortController();
  const found = await awaitNetwork({
    signs: [
      { isThere: () => ((looks += 1), seconds >= route), lastingMs: 0 },
      { isThere: () => seconds >= address, lastingMs: 2000 },
      { isThere: () => seconds >= ipv6 && seconds < ipv6Until, lastingMs: 8000 },
    ],
    isWanted: () => seconds >= wanted,
    signal: stop.signal,
    now: () => seconds * 1000,
    pause: async durationMs => {
      seconds += durationMs / 1000;
      if (seconds > limit) stop.abort(new Error('the end'));
    },
  });
  return { found, seconds, looks };
}

t.test('a default route is a network at once, an address when it stays alone', async t => {
  t.match(await play({ route: 0 }), { found: true, seconds: 0, looks: 1 });
  t.match(await play({ route: 3, address: 2.5, wanted: 0 }), { found: true, seconds: 3 });
  t.match(await play({ address: 3, wanted: 0 }), { found: true, seconds: 5 });
});

t.test('what IPv6 announces by itself is enough when nothing better follows', async t => {
  t.match(await play({ ipv6: 1, route: 4, wanted: 0 }), { found: true, seconds: 4 });
  t.match(await play({ ipv6: 1, wanted: 0 }), { found: true, seconds: 9 });
  t.match(await play({ ipv6: 1, ipv6Until: 5, wanted: 0 }), { found: false, seconds: 20 });
});

t.test('without any it is given up, but only once somebody is held up by it', async t => {
  t.match(await play({ wanted: 0 }), { found: false, seconds: 20 });
  t.match(await play({ wanted: 30 }), { found: false, seconds: 50 });
  t.match(await play({ wanted: 30, route: 49 }), { found: true, seconds: 49 });
  await t.rejects(play({}), /the end/);
  const late = await play({ route: 200 });
  t.ok(late.looks < 160, `${late.looks} looks: after a minute seldom`);
});
