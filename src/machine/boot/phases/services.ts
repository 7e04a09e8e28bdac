import type { ServiceSection } from '../../../shared/service/definition.ts';
import { formatUnmet } from '../../services/plan.ts';
import { formatReadiness } from '../../services/readiness.ts';
import type { BootContext } from '../context.ts';

/** Silence longer than this is explained on the console. */
const EXPLAIN_AFTER_MS = 5000;

/** Starts the planner and waits until every service of a section is up, done or failed. */
export async function bringUp(context: BootContext, section: 'onboot' | 'services'): Promise<string> {
  const { runner } = context;
  const explain = setInterval(
    () => void context.say(`slipway: ${explainWait(context, section)}`),
    EXPLAIN_AFTER_MS,
  );
  try {
    runner.start();
    await runner.steady(section);
  } finally {
    clearInterval(explain);
  }
  const statuses = sectionProgress(context, section).map(([, progress]) => progress.status.status);
  const failed = statuses.filter(status => status === 'failed').length;
  return `${statuses.length - failed} of ${statuses.length} ${section === 'onboot' ? 'done' : 'up'}`;
}

/** What the services phase is waiting for, derived from what is not settled yet. */
export function explainWait(context: BootContext, section: ServiceSection): string {
  const { waiting } = context.runner;
  const parts = sectionProgress(context, section).flatMap(([name, { status }]) => {
    const unmet = waiting.get(name);
    if (status.status === 'starting') return [`${name} is starting (waiting for ${signOf(context, name)})`];
    return status.status === 'waiting' && unmet !== undefined ? [`${name} is ${formatUnmet(unmet)}`] : [];
  });
  return parts.join('; ');
}

function signOf(context: BootContext, name: string): string {
  const definition = context.image.services.find(service => service.name === name);
  return definition?.section === 'onboot' ? 'its end' : formatReadiness(definition?.ready);
}

function sectionProgress(context: BootContext, section: ServiceSection) {
  return [...context.runner.progress].filter(([name]) =>
    context.image.services.some(service => service.name === name && service.section === section),
  );
}
