import type { ServiceDetails, ServiceView } from '../control/wire.ts';
import { formatTable } from './format-table.ts';

/** `ros service list`: one line a service, in the manifest's order. */
export function formatServices(services: readonly ServiceView[]): string {
  return formatTable(
    ['NAME', 'SECTION', 'STATUS', 'RESTARTS', 'UP AT', 'IMAGE', 'DETAIL'],
    services.map(service => [
      service.name,
      service.section,
      service.status,
      String(service.restarts),
      service.upAt === undefined ? '-' : `${service.upAt.toFixed(2)}s`,
      service.image,
      service.detail,
    ]),
  );
}

/** `ros service status`: one line a fact; what there is nothing to say about is left out. */
export function formatDetails(details: ServiceDetails): string {
  const { status, detail, section, image, pid, restarts, startedAt, upAt, containerId, exitCode } = details;
  const rows: [string, string | undefined][] = [
    ['Name', details.name],
    ['Status', detail === '' ? status : `${status} (${detail})`],
    ['Section', section],
    ['Image', image],
    ['Container', containerId?.slice(0, 12)],
    ['Process', pid === 0 ? undefined : String(pid)],
    ['Exit code', exitCode === undefined ? undefined : String(exitCode)],
    ['Restarts', String(restarts)],
    ['Started at', seconds(startedAt)],
    ['Up at', seconds(upAt)],
    ['After', names(details.after)],
    ['Before', names(details.before)],
    ['Pod', details.pod],
    ['Up when', details.upWhen],
    ['Timeout', seconds(details.timeoutMs / 1000)],
    ['On failure', details.onFailure],
    ['Restart', details.restart],
    [
      'Stop',
      `${details.stopSignal ?? "the image's signal or SIGTERM"}, killed after ${details.stopGraceMs / 1000} s`,
    ],
  ];
  const known = rows.filter(([, value]) => value !== undefined);
  const width = Math.max(...known.map(([title]) => title.length)) + 3;
  return known.map(([title, value]) => `${`${title}:`.padEnd(width)}${value}\n`).join('');
}

function seconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value.toFixed(2)}s`;
}

function names(list: readonly string[]): string | undefined {
  return list.length === 0 ? undefined : list.join(', ');
}
