/** JSON with four blanks a level, as Docker prints it; what numbers and texts look like is left as it is. */
export function indentJson(text: string): string {
  let output = '';
  let depth = 0;
  const newLine = (): string => `\n${'    '.repeat(depth)}`;
  const tokens = text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs);
  let before = '';
  for (const [token] of tokens) {
    switch (token) {
      case '{':
      case '[':
        if (before === '{' || before === '[') output += newLine();
        output += token;
        depth += 1;
        break;
      case '}':
      case ']':
        depth -= 1;
        if (before !== '{' && before !== '[') output += newLine();
        output += token;
        break;
      case ',':
        output += `,${newLine()}`;
        break;
      case ':':
        output += ': ';
        break;
      default:
        if (before === '{' || before === '[') output += newLine();
        output += token;
    }
    before = token;
  }
  return output;
}
