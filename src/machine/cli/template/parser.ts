import type { Token } from './lexer.ts';
import type { Branch, Call, Node, Operand, Pipeline, Template } from './nodes.ts';
import { unquoteCharacter, unquoteText } from './quoting.ts';
import { TokenReader } from './token-reader.ts';

/** Deeper nesting is no format that a person wrote, and would only exhaust the stack. */
const MAX_DEPTH = 100;

/**
 * Parses a template. Throws TEMPLATE_INVALID with Go's words for what it cannot read, also for a function
 * that is not among `functions`.
 */
export function parseTemplate(text: string, functions: ReadonlySet<string>, name = ''): Template {
  return new Parser(text, functions, name).parse();
}

type Ending = 'end' | 'else' | 'eof';

class Parser {
  readonly #text: string;
  readonly #name: string;
  readonly #functions: ReadonlySet<string>;
  readonly #tokens: TokenReader;
  readonly #definitions = new Map<string, readonly Node[]>();
  #depth = 0;
  #ranges = 0;
  #variables: string[] = ['$'];

  constructor(text: string, functions: ReadonlySet<string>, name: string) {
    this.#text = text;
    this.#name = name;
    this.#functions = functions;
    this.#tokens = new TokenReader(text, name);
  }

  parse(): Template {
    const { nodes, ending } = this.#list();
    if (ending !== 'eof') throw this.#tokens.fault(`unexpected {{${ending}}}`);
    return { name: this.#name, text: this.#text, body: nodes, definitions: this.#definitions };
  }

  #list(): { readonly nodes: Node[]; readonly ending: Ending } {
    if (++this.#depth > MAX_DEPTH) throw this.#tokens.fault('template is nested too deeply');
    const nodes: Node[] = [];
    for (;;) {
      const token = this.#tokens.next();
      if (token.kind === 'end' || (token.kind === 'open' && this.#isWord('end', 'else'))) {
        this.#depth -= 1;
        if (token.kind === 'end') return { nodes, ending: 'eof' };
        const ending = this.#tokens.skipSpace().text as Ending;
        this.#tokens.skip();
        if (ending === 'end') this.#close('end');
        return { nodes, ending };
      }
      if (token.kind === 'text') nodes.push({ kind: 'text', text: token.text });
      else nodes.push(...this.#action());
    }
  }

  #action(): Node[] {
    const token = this.#tokens.skipSpace();
    if (token.kind === 'identifier') {
      switch (token.text) {
        case 'if':
        case 'with':
        case 'range':
          this.#tokens.skip();
          return [this.#branch(token.text)];
        case 'break':
        case 'continue':
          this.#tokens.skip();
          if (this.#ranges === 0) throw this.#tokens.fault(`{{${token.text}}} outside {{range}}`);
          this.#close(token.text);
          return [{ kind: token.text }];
        case 'define':
          this.#tokens.skip();
          return this.#define();
        case 'template':
        case 'block':
          this.#tokens.skip();
          return this.#template(token.text);
        default:
      }
    }
    return [{ kind: 'action', pipeline: this.#pipeline('command', 'close') }];
  }

  #branch(kind: Branch['kind']): Branch {
    const outer = this.#variables.length;
    const pipeline = this.#pipeline(kind, 'close');
    if (kind === 'range') this.#ranges += 1;
    const { nodes: body, ending } = this.#list();
    if (kind === 'range') this.#ranges -= 1;
    let otherwise: readonly Node[] = [];
    if (ending === 'else') {
      const chained = this.#tokens.skipSpace();
      if (chained.kind === 'identifier' && chained.text === kind && kind !== 'range') {
        this.#tokens.skip();
        otherwise = [this.#branch(kind)];
      } else {
        this.#close('else');
        const rest = this.#list();
        if (rest.ending === 'else') throw this.#tokens.fault('expected end; found {{else}}');
        if (rest.ending === 'eof') throw this.#tokens.fault('unexpected EOF');
        otherwise = rest.nodes;
      }
    } else if (ending === 'eof') throw this.#tokens.fault('unexpected EOF');
    this.#variables.length = outer;
    return { kind, pipeline, body, otherwise };
  }

  #define(): Node[] {
    const name = this.#quotedName('define clause');
    this.#close('define clause');
    this.#definition(name);
    return [];
  }

  #quotedName(context: string): string {
    const name = this.#tokens.skipSpace();
    if (name.kind !== 'string') throw this.#tokens.unexpected(name, context);
    this.#tokens.skip();
    return this.#unquote(() => unquoteText(name.text));
  }

  #definition(name: string): void {
    const outer = this.#variables;
    this.#variables = ['$'];
    const { nodes, ending } = this.#list();
    if (ending !== 'end') throw this.#tokens.fault('unexpected EOF');
    this.#variables = outer;
    this.#definitions.set(name, nodes);
  }

  #template(word: 'template' | 'block'): Node[] {
    const { offset } = this.#tokens.skipSpace();
    const name = this.#quotedName(`${word} clause`);
    let pipeline: Pipeline | undefined;
    if (word === 'template' && this.#tokens.skipSpace().kind === 'close') this.#tokens.skip();
    else pipeline = this.#pipeline(`${word} clause`, 'close');
    if (word === 'block') this.#definition(name);
    const source = `{{template ${JSON.stringify(name)}}}`;
    return [{ kind: 'template', name, pipeline, place: { offset, source } }];
  }

  #pipeline(context: string, end: 'close' | ')'): Pipeline {
    const start = this.#tokens.skipSpace().offset;
    const { variables, assigns } = this.#declarations(context);
    const calls: Call[] = [];
    for (;;) {
      const token = this.#tokens.skipSpace();
      if (token.kind === end || token.text === end) {
        this.#tokens.skip();
        if (calls.length === 0) throw this.#tokens.fault(`missing value for ${context}`);
        if (token.kind === 'close') this.#variables.push(...(assigns ? [] : variables));
        const stage = calls.findIndex(
          ([first], index) => index > 0 && (first.kind === 'constant' || first.kind === 'dot'),
        );
        if (stage > 0) throw this.#tokens.fault(`non executable command in pipeline stage ${stage + 1}`);
        const source = this.#text.slice(start, token.offset).trim();
        return { variables, assigns, calls, place: { offset: start, source } };
      }
      const call = this.#call(context);
      calls.push(call);
      if (this.#tokens.skipSpace().text === '|') this.#tokens.skip();
    }
  }

  #declarations(context: string): Pick<Pipeline, 'variables' | 'assigns'> {
    const from = this.#tokens.mark();
    const variables: string[] = [];
    for (;;) {
      const token = this.#tokens.skipSpace();
      if (token.kind !== 'variable') break;
      this.#tokens.skip();
      variables.push(token.text);
      const next = this.#tokens.skipSpace();
      if (next.text === ':=' || next.text === '=') {
        this.#tokens.skip();
        const assigns = next.text === '=';
        if (assigns) for (const name of variables) this.#known(name);
        return { variables, assigns };
      }
      if (next.text !== ',' || context !== 'range') break;
      if (variables.length > 1) throw this.#tokens.fault('too many declarations in range');
      this.#tokens.skip();
    }
    this.#tokens.reset(from);
    return { variables: [], assigns: false };
  }

  #call(context: string): Call {
    const operands: Operand[] = [];
    for (;;) {
      const token = this.#tokens.skipSpace();
      const operand = this.#operand();
      if (operand === undefined) {
        if (operands.length === 0) throw this.#tokens.unexpected(token, context);
        if (token.kind !== 'close' && token.text !== '|' && token.text !== ')') {
          throw this.#tokens.unexpected(token, 'operand');
        }
        break;
      }
      operands.push(operand);
      const next = this.#tokens.peek();
      if (next.kind === 'space') continue;
      if (next.kind === 'close' || next.text === '|' || next.text === ')') break;
      throw this.#tokens.unexpected(next, 'operand');
    }
    const [first, ...rest] = operands;
    if (first === undefined) throw this.#tokens.fault('empty command');
    return [first, ...rest];
  }

  #operand(): Operand | undefined {
    const operand = this.#term();
    if (operand === undefined || this.#tokens.peek().kind !== 'field') return operand;
    const { offset } = this.#tokens.peek();
    const path: string[] = [];
    while (this.#tokens.peek().kind === 'field') path.push(this.#tokens.next().text.slice(1));
    const place = { offset, source: `${operand.place.source}.${path.join('.')}` };
    switch (operand.kind) {
      case 'field':
        return { ...operand, path: [...operand.path, ...path], place };
      case 'variable':
        return { ...operand, path: [...operand.path, ...path], place };
      case 'constant':
      case 'dot':
        throw this.#tokens.fault(`unexpected . after term ${JSON.stringify(operand.place.source)}`);
      default:
        return { kind: 'chain', operand, path, place };
    }
  }

  #term(): Operand | undefined {
    const token = this.#tokens.peek();
    const place = { offset: token.offset, source: token.text };
    switch (token.kind) {
      case 'field':
        this.#tokens.skip();
        return { kind: 'field', path: [token.text.slice(1)], place };
      case 'dot':
        this.#tokens.skip();
        return { kind: 'dot', place };
      case 'variable':
        this.#tokens.skip();
        this.#known(token.text);
        return { kind: 'variable', name: token.text, path: [], place };
      case 'string':
        this.#tokens.skip();
        return { kind: 'constant', value: this.#unquote(() => unquoteText(token.text)), place };
      case 'character':
        this.#tokens.skip();
        return { kind: 'constant', value: this.#unquote(() => unquoteCharacter(token.text)), place };
      case 'number':
        this.#tokens.skip();
        return { kind: 'constant', value: this.#number(token.text), place };
      case 'identifier':
        return this.#word(token);
      case 'symbol': {
        if (token.text !== '(') return undefined;
        this.#tokens.skip();
        const pipeline = this.#pipeline('parenthesized pipeline', ')');
        return { kind: 'pipeline', pipeline, place: { ...place, source: `(${pipeline.place.source})` } };
      }
      default:
        return undefined;
    }
  }

  #word(token: Token): Operand {
    this.#tokens.skip();
    const place = { offset: token.offset, source: token.text };
    if (token.text === 'true' || token.text === 'false')
      return { kind: 'constant', value: token.text === 'true', place };
    if (token.text === 'nil') return { kind: 'constant', value: null, place };
    if (!this.#functions.has(token.text)) throw this.#tokens.fault(`function "${token.text}" not defined`);
    return { kind: 'function', name: token.text, place };
  }

  #number(text: string): number {
    const sign = text.startsWith('-') ? -1 : 1;
    const value = sign * Number(text.replace(/^[+-]/, '').replaceAll('_', ''));
    if (Number.isNaN(value)) throw this.#tokens.fault(`bad number syntax: ${JSON.stringify(text)}`);
    return value;
  }

  #unquote<T>(unquote: () => T | undefined): T {
    const value = unquote();
    if (value === undefined) throw this.#tokens.fault('invalid syntax');
    return value;
  }

  #known(name: string): void {
    if (!this.#variables.includes(name)) throw this.#tokens.fault(`undefined variable "${name}"`);
  }

  #close(context: string): void {
    const token = this.#tokens.skipSpace();
    if (token.kind !== 'close') throw this.#tokens.unexpected(token, context);
    this.#tokens.skip();
  }

  #isWord(...words: readonly string[]): boolean {
    const token = this.#tokens.skipSpace();
    return token.kind === 'identifier' && words.includes(token.text);
  }
}
