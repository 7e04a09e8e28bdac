import { randomInt } from 'node:crypto';

const QUALITIES: readonly string[] = (
  'able amber bold brave bright brisk calm clear crisp eager early fair fleet fresh gentle glad golden grand ' +
  'hardy honest keen kind lively lucky mellow mild neat noble plain proud quick quiet ready rosy sharp silver ' +
  'sleek smart sober solid spry stable steady stout sunny swift tidy trim trusty upright vivid warm wise witty'
).split(' ');
const VESSELS: readonly string[] = (
  'barge bark boat brig canoe caravel carrack catboat clipper coaster cog coracle corvette cutter dhow dinghy ' +
  'dory drifter ferry frigate galleon galley gig hooker hoy hulk junk kayak keelboat ketch launch liner lugger ' +
  'packet pilot pinnace pram proa punt raft sampan schooner scow shallop skiff sloop smack snow tender trawler ' +
  'trimaran tug wherry xebec yacht yawl'
).split(' ');

/**
 * A name for a container that was given none, such as `swift_ketch`; with a number where that is taken.
 * @param isTaken whether a container has this name
 */
export function randomName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt += 1) {
    const name = `${pick(QUALITIES)}_${pick(VESSELS)}`;
    // Names run out long before containers do.
    const full = attempt < 4 ? name : `${name}${randomInt(10 ** Math.min(attempt, 12))}`;
    if (!isTaken(full)) return full;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? '';
}
