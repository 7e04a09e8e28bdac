import type { BootView } from '../control/wire.ts';
import { formatTable } from './format-table.ts';

/** `ros boot`: where the boot time went, from the kernel to the ready line. */
export function formatBoot(boot: BootView): string {
  const rows: { at: number; row: string[] }[] = [];
  let before = 0;
  for (const step of boot.early) {
    rows.push({
      at: step.endedAt,
      row: [seconds(before), seconds(step.endedAt - before), `early ${step.name}`, ''],
    });
    before = step.endedAt;
  }
  // Without a time of their own: known once all media had been looked at.
  const lookedAt = boot.early.find(step => step.name === 'medium')?.endedAt ?? before;
  for (const { name, reason } of boot.leftOut) {
    rows.push({ at: lookedAt, row: [seconds(lookedAt), '', `early ${name} left out`, reason] });
  }
  for (const [index, at] of boot.lives.entries()) {
    rows.push({ at, row: [seconds(at), '', index === 0 ? 'system-docker' : 'system-docker, again', ''] });
  }
  for (const phase of boot.phases) {
    const took = phase.endedAt === undefined ? 'running' : seconds(phase.endedAt - phase.startedAt);
    rows.push({
      at: phase.startedAt,
      row: [seconds(phase.startedAt), took, `phase ${phase.name}`, phase.detail ?? ''],
    });
  }
  for (const { name, startedAt, upAt } of boot.services) {
    if (startedAt === undefined) continue;
    const took = upAt === undefined ? '-' : seconds(upAt - startedAt);
    rows.push({ at: startedAt, row: [seconds(startedAt), took, `service ${name}`, ''] });
  }
  rows.sort((a, b) => a.at - b.at);
  const end = boot.readyLine ?? `not ready yet after ${seconds(boot.uptime)}`;
  return `${formatTable(
    ['AT', 'TOOK', 'WHAT', 'DETAIL'],
    rows.map(({ row }) => row),
  )}\n${end}\n`;
}

function seconds(value: number): string {
  return `${value.toFixed(2)}s`;
}
