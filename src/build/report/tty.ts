import stringWidth from 'string-width';
import type { BuildEvent } from '../../shared/events.ts';
import { formatBytes, formatDuration, stripControls } from './format.ts';
import type { Reporter, ReportTarget } from './reporter.ts';

const REDRAW_MS = 100;
/** What does not fit on the screen could not be erased again. */
const MAX_STEPS_SHOWN = 8;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const dim = (text: string): string => `\u001b[2m${text}\u001b[22m`;
const green = (text: string): string => `\u001b[32m${text}\u001b[39m`;
const yellow = (text: string): string => `\u001b[33m${text}\u001b[39m`;

type Progress = Extract<BuildEvent, { type: 'fetch-progress' }>;

/**
 * A live display: finished stages scroll away as lines, what runs now is redrawn below them, with bytes
 * and speed for downloads and the running steps for the rest. Steps that came from the store are counted.
 */
export function createTtyReporter(target: ReportTarget): Reporter {
  let stage: { name: string; startedMs: number } | undefined;
  let progress: { event: Progress; startedMs: number } | undefined;
  const running = new Map<string, number>();
  let cached = 0;
  let drawnLines = 0;
  let frame = 0;
  let closed = false;

  const fit = (text: string): string => {
    const width = Math.max(20, target.columns() - 1);
    const characters = Array.from(text.slice(0, 4 * width).replaceAll('\n', ' '));
    while (stringWidth(characters.join('')) > width) characters.pop();
    return characters.join('');
  };
  const erase = (): void => {
    if (drawnLines > 0) target.write(`\u001b[${drawnLines}A\u001b[0J`);
    drawnLines = 0;
  };
  const print = (text: string): void => {
    erase();
    target.write(`${text}\n`);
    draw();
  };
  const draw = (): void => {
    erase();
    if (!stage || closed) return;
    const now = target.now();
    const lines = [
      `${SPINNER[frame % SPINNER.length] ?? ''} ${stage.name}  ${formatDuration(now - stage.startedMs)}`,
    ];
    if (progress) lines.push(`    ${formatProgress(progress.event, now - progress.startedMs)}`);
    for (const [step, startedMs] of [...running].slice(0, MAX_STEPS_SHOWN))
      lines.push(`    ${step}  ${formatDuration(now - startedMs)}`);
    if (running.size > MAX_STEPS_SHOWN) lines.push(`    and ${running.size - MAX_STEPS_SHOWN} more`);
    target.write(lines.map(line => `${dim(fit(line))}\n`).join(''));
    drawnLines = lines.length;
  };
  const timer = setInterval(() => {
    frame++;
    draw();
  }, REDRAW_MS);
  timer.unref();

  return {
    emit(event) {
      if (closed) return;
      switch (event.type) {
        case 'stage-start':
          stage = { name: event.stage, startedMs: target.now() };
          cached = 0;
          draw();
          break;
        case 'stage-end': {
          const facts = [event.cached ? 'unchanged' : formatDuration(event.durationMs)];
          if (progress && progress.event.receivedBytes > 0)
            facts.push(formatBytes(progress.event.receivedBytes));
          if (cached > 0) facts.push(`${cached} from the store`);
          stage = undefined;
          progress = undefined;
          running.clear();
          print(`${green('✓')} ${event.stage}  ${dim(facts.join(', '))}`);
          break;
        }
        case 'step-start':
          running.set(stripControls(event.step), target.now());
          break;
        case 'step-end':
          running.delete(stripControls(event.step));
          if (event.cached) cached++;
          break;
        case 'fetch-progress':
          progress = { event, startedMs: progress?.startedMs ?? target.now() };
          break;
        case 'warning':
          print(
            `${yellow('!')} ${stripControls(event.message)}${event.hint ? `\n  ${dim(`hint: ${stripControls(event.hint)}`)}` : ''}`,
          );
          break;
        case 'note':
          print(`  ${stripControls(event.message)}`);
          break;
      }
    },
    close() {
      erase();
      closed = true;
      clearInterval(timer);
    },
  };
}

function formatProgress(event: Progress, elapsedMs: number): string {
  const share = event.totalBytes > 0 ? event.receivedBytes / event.totalBytes : 0;
  const filled = Math.round(share * 24);
  const speed = formatBytes(Math.round((event.receivedBytes * 1000) / Math.max(1, elapsedMs)));
  return (
    `${'█'.repeat(filled)}${'░'.repeat(24 - filled)} ${formatBytes(event.receivedBytes)} of ` +
    `${formatBytes(event.totalBytes)}, ${event.filesDone} of ${event.filesTotal} files, ${speed}/s  ${stripControls(event.name)}`
  );
}
