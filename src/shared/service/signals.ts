/** Linux's signals, which are the same on every architecture that is built for (signal(7)). */
const NAMES: ReadonlySet<string> = new Set(
  (
    'HUP INT QUIT ILL TRAP ABRT IOT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU ' +
    'URG XCPU XFSZ VTALRM PROF WINCH IO POLL PWR SYS'
  ).split(' '),
);

/** From RTMIN to RTMAX, both included. */
const REAL_TIME_SPAN = 30;

/** Whether a text names a signal, with or without `SIG`: `TERM`, `SIGINT`, `RTMIN+3`. */
export function isSignal(text: string): boolean {
  const name = text.replace(/^SIG/, '');
  const realTime = /^RTM(?:IN(?:\+(\d{1,2}))?|AX(?:-(\d{1,2}))?)$/.exec(name);
  if (realTime === null) return NAMES.has(name);
  return Number(realTime[1] ?? realTime[2] ?? 0) <= REAL_TIME_SPAN;
}
