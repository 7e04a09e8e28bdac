import t from 'tap';
import { type ExecConfig, ExecTable } from '../../../../../src/machine/engine/exec/exec-table.ts';

const config: ExecConfig = {
  command: ['true'],
  tty: false,
  attachStdin: false,
  attachStdout: true,
  attachStderr: true,
  env: [],
  privileged: false,
};

t.test('an end is not overwritten by a pid that was found too late', async t => {
  const table = new ExecTable();
  const record = table.create('c', config);
  record.state = { status: 'running', pid: 0 };
  t.same(table.ofContainer('c'), [record.id]);
  table.notePid(record, 12);
  table.ended(record, 9);
  table.notePid(record, 13);
  t.same(table.get(record.id).state, { status: 'exited', exitCode: 9, pid: 12 });
  t.same(table.ofContainer('c'), []);
});

t.test('only so many are kept', async t => {
  const table = new ExecTable();
  const first = table.create('c', config);
  for (let i = 0; i < 300; i += 1) table.create('c', config);
  t.throws(() => table.get(first.id), { message: `No such exec instance: ${first.id}` });
});
