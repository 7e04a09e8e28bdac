import type { ServiceView } from '../control/wire.ts';
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
