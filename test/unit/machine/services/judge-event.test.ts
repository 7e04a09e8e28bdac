import t from 'tap';
import type { ContainerSummary, EngineEvent } from '../../../../src/machine/engine-client/engine-client.ts';
import { type Effort, type Verdict, judgeEvent } from '../../../../src/machine/services/judge-event.ts';
import type { ServiceStatus } from '../../../../src/machine/services/status.ts';
import type { RestartPolicy, ServiceDefinition } from '../../../../src/shared/service/definition.ts';
import { createService } from '../../../support/service-definition.ts';

const withPolicy = (policy: RestartPolicy['policy'], more: Partial<ServiceDefinition> = {}) =>
  createService('a', { restart: { policy, delayMs: 1, maxDelayMs: 1, maxRetries: 0 }, ...more });

const nothing: Verdict = { kind: 'nothing' };
const failed = (reason: string): Verdict => ({ kind: 'ended', outcome: { kind: 'failed', reason } });
const done: Verdict = { kind: 'ended', outcome: { kind: 'done' } };

t.test('what an event means', async t => {
  const cases: {
    desc: string;
    action: EngineEvent['action'];
    container?: Partial<ContainerSummary>;
    /** Whole seconds. */
    ran?: string;
    definition?: ServiceDefinition;
    status?: ServiceStatus['status'];
    effort?: Effort;
    verdict: Verdict;
  }[] = [
    {
      desc: 'an end that a restart follows',
      action: 'die',
      container: { status: 'restarting' },
      ran: '3',
      verdict: nothing,
    },
    {
      desc: 'an end within three seconds',
      action: 'die',
      container: { status: 'restarting' },
      ran: '2',
      verdict: { kind: 'unsteady' },
    },
    {
      desc: 'the same of a later life',
      action: 'die',
      container: { status: 'restarting', restartCount: 1 },
      ran: '2',
      verdict: { kind: 'unsteady' },
    },
    {
      desc: 'the same of one that has shown that it is ready',
      action: 'die',
      container: { status: 'restarting' },
      ran: '2',
      definition: withPolicy('always', { ready: { kind: 'notify' } }),
      verdict: nothing,
    },
    { desc: 'the end of `always`', action: 'die', container: { exitCode: 0 }, verdict: nothing },
    {
      desc: 'given up',
      action: 'gave-up',
      container: { exitCode: 3 },
      verdict: failed('ended too often, the last time with exit code 3'),
    },
    {
      desc: 'given up with a reason',
      action: 'gave-up',
      container: { error: 'no such file' },
      verdict: failed('no such file'),
    },
    {
      desc: '`no`, well',
      action: 'die',
      container: { exitCode: 0 },
      definition: withPolicy('no'),
      verdict: done,
    },
    {
      desc: '`no`, badly',
      action: 'die',
      container: { exitCode: 7 },
      definition: withPolicy('no'),
      verdict: failed('exit code 7'),
    },
    {
      desc: '`on-failure`, well',
      action: 'die',
      container: { exitCode: 0 },
      definition: withPolicy('on-failure'),
      verdict: done,
    },
    {
      desc: '`on-failure`, badly: `gave-up` follows',
      action: 'die',
      container: { exitCode: 1 },
      definition: withPolicy('on-failure'),
      verdict: nothing,
    },
    {
      desc: 'while its readiness is waited for',
      action: 'die',
      container: { exitCode: 7 },
      definition: withPolicy('no'),
      status: 'starting',
      effort: 'waiting',
      verdict: failed('exit code 7'),
    },
    {
      desc: 'of the life before',
      action: 'die',
      container: { exitCode: 7 },
      definition: withPolicy('no'),
      status: 'starting',
      effort: 'starting',
      verdict: nothing,
    },
    {
      desc: 'a oneshot is waited for',
      action: 'die',
      container: { exitCode: 7 },
      definition: withPolicy('no', { section: 'onboot' }),
      status: 'starting',
      effort: 'waiting',
      verdict: nothing,
    },
    {
      desc: 'stopped by a person',
      action: 'die',
      container: { exitCode: 143, stopRequested: true },
      definition: withPolicy('no'),
      verdict: { kind: 'stopped' },
    },
    {
      desc: 'stopped in the pause before a restart',
      action: 'stop',
      container: { stopRequested: true },
      verdict: { kind: 'stopped' },
    },
    {
      desc: 'stopped on our request',
      action: 'stop',
      container: { stopRequested: true },
      status: 'stopped',
      verdict: nothing,
    },
    {
      desc: 'our own start',
      action: 'start',
      container: { status: 'running' },
      status: 'starting',
      effort: 'waiting',
      verdict: nothing,
    },
    { desc: 'a restart', action: 'start', container: { status: 'running' }, verdict: nothing },
    {
      desc: 'started by a person',
      action: 'start',
      container: { status: 'running' },
      status: 'stopped',
      verdict: { kind: 'started' },
    },
    {
      desc: 'started after it failed',
      action: 'start',
      container: { status: 'running' },
      status: 'failed',
      verdict: { kind: 'started' },
    },
    {
      desc: 'started, and over',
      action: 'start',
      container: { status: 'exited' },
      status: 'failed',
      verdict: nothing,
    },
    { desc: 'anything else', action: 'oom', verdict: nothing },
  ];
  for (const {
    desc,
    action,
    container = {},
    ran,
    definition = withPolicy('always'),
    status = 'up',
    effort = 'none',
    verdict,
  } of cases) {
    const summary: ContainerSummary = {
      ...{ id: 'x', name: 'a', image: '', imageId: '', status: 'exited', pid: 0, exitCode: 0 },
      ...{ restartCount: 0, stopRequested: false, labels: {} },
      ...container,
    };
    const attributes = ran === undefined ? {} : { attributes: { execDuration: ran } };
    t.same(
      judgeEvent({ action, container: summary, ...attributes }, definition, status, effort),
      verdict,
      desc,
    );
  }
});
