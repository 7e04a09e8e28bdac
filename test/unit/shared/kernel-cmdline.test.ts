import t from 'tap';
import {
  hasKernelWord,
  kernelStrings,
  kernelValue,
  kernelValues,
  parseKernelCmdline,
  parseKernelValue,
  unknownKernelWords,
} from '../../../src/shared/kernel-cmdline.ts';

t.test('words are split as RancherOS split them', async t => {
  const cases: { desc: string; line: string; words: [string, string | undefined][] }[] = [
    { desc: 'nothing', line: ' \n', words: [] },
    {
      desc: 'bare words and values',
      line: 'quiet panic=10',
      words: [
        ['quiet', undefined],
        ['panic', '10'],
      ],
    },
    { desc: 'a value may hold =', line: 'root=LABEL=x', words: [['root', 'LABEL=x']] },
    {
      desc: 'quotes keep blanks',
      line: 'a="b c" d',
      words: [
        ['a', 'b c'],
        ['d', undefined],
      ],
    },
    { desc: 'escaped quotes', line: String.raw`cc.x="say \"hi\""`, words: [['cc.x', 'say "hi"']] },
    {
      desc: 'brackets keep blanks',
      line: 'rancher.a=[x, y] z',
      words: [
        ['rancher.a', '[x, y]'],
        ['z', undefined],
      ],
    },
    {
      desc: 'brackets of others do not',
      line: 'foo=[x y]',
      words: [
        ['foo', '[x'],
        ['y]', undefined],
      ],
    },
    { desc: 'an open quote ends with the line', line: 'a="b c', words: [['a', 'b c']] },
    { desc: 'an open bracket ends with the line', line: 'cc.a=[b c', words: [['cc.a', '[b c']] },
    { desc: "what follows -- is init's", line: 'a -- slipway.rescue', words: [['a', undefined]] },
  ];
  for (const { desc, line, words } of cases) {
    t.same(
      parseKernelCmdline(line).words.map(word => [word.key, word.text]),
      words,
      desc,
    );
  }
});

t.test('values are YAML', async t => {
  const cases: [string | undefined, unknown][] = [
    [undefined, true],
    ['', ''],
    ['true', true],
    ['12', 12],
    ['[/dev/sda,/dev/vda]', ['/dev/sda', '/dev/vda']],
    ['ttyS0', 'ttyS0'],
    ['@home', '@home'],
    ['[open', '[open'],
    ['LABEL=RANCHER_STATE', 'LABEL=RANCHER_STATE'],
  ];
  for (const [text, value] of cases) t.same(parseKernelValue(text), value, String(text));
});

t.test('both spellings count, the later one wins', async t => {
  const line = parseKernelCmdline('rancher.state.dev=LABEL=A slipway.state=none slipway.rescue=false');
  t.equal(kernelValue(line, 'state'), 'none');
  t.same(kernelValues(line, 'state'), ['LABEL=A', 'none']);
  t.notOk(hasKernelWord(line, 'rescue'));
  t.ok(hasKernelWord(parseKernelCmdline('rancher.recovery=true'), 'rescue'));
});

t.test('strings are collected from repeated words and lists', async t => {
  const line = parseKernelCmdline(
    'rancher.autologin=tty1 rancher.autologin=[ttyS0, ttyS1] slipway.autologin',
  );
  t.same(kernelStrings(line, 'autologin'), ['tty1', 'ttyS0', 'ttyS1']);
});

t.test('a mistyped word of ours is found', async t => {
  t.same(unknownKernelWords(parseKernelCmdline('slipway.rescu quiet foo.bar slipway.debug')), [
    'slipway.rescu',
  ]);
});

t.test('a hostile key is only a word', async t => {
  const line = parseKernelCmdline('cc.__proto__=x slipway.constructor');
  t.equal(kernelValue(line, 'hostname'), undefined);
  t.equal(({} as Record<string, unknown>).x, undefined);
});
