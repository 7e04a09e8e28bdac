import type { ContainerSummary } from '../../engine-client/engine-client.ts';
import type { ContainerRecord } from '../store/container-record.ts';

/** The record in the words of EngineClient. */
export function formatSummary(record: ContainerRecord): ContainerSummary {
  const { state } = record;
  const base = {
    id: record.id,
    name: record.name,
    image: record.request.Image,
    imageId: record.imageId,
    status: state.status,
    restartCount: record.restartCount,
    stopRequested: record.stopRequested,
    labels: record.request.Labels ?? {},
  };
  switch (state.status) {
    case 'created':
      return {
        ...base,
        pid: 0,
        exitCode: state.exitCode,
        ...(state.error === undefined ? {} : { error: state.error }),
      };
    case 'running':
    case 'paused':
      return { ...base, pid: state.process.pid, exitCode: 0 };
    case 'restarting':
    case 'exited':
      return {
        ...base,
        pid: 0,
        exitCode: state.exitCode,
        ...(state.error === undefined ? {} : { error: state.error }),
      };
  }
}
