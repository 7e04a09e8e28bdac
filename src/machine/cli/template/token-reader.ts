import type { ToolError } from '../../../shared/errors.ts';
import { type Token, templateFault, tokenize } from './lexer.ts';

/** The tokens of a template, one after the other, and faults at the place that was reached. */
export class TokenReader {
  readonly #text: string;
  readonly #name: string;
  readonly #tokens: readonly Token[];
  #index = 0;

  /** Throws TEMPLATE_INVALID. */
  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
    this.#tokens = tokenize(text, name);
  }

  /** The next token, which stays; after the last one, the end. */
  peek(): Token {
    return this.#tokens[this.#index] ?? { kind: 'end', text: '', offset: this.#text.length };
  }

  next(): Token {
    const token = this.peek();
    this.#index += 1;
    return token;
  }

  skip(): void {
    this.#index += 1;
  }

  /** Passes over blanks and answers what comes then, which stays. */
  skipSpace(): Token {
    while (this.peek().kind === 'space') this.#index += 1;
    return this.peek();
  }

  /** A place to come back to. */
  mark(): number {
    return this.#index;
  }

  reset(mark: number): void {
    this.#index = mark;
  }

  unexpected(token: Token, context: string): ToolError {
    if (token.kind === 'end') return this.fault('unexpected EOF');
    let word = token.kind === 'close' ? '"}}"' : JSON.stringify(token.text);
    if (token.kind === 'dot') word = '<.>';
    return this.fault(`unexpected ${word} in ${context}`);
  }

  fault(message: string): ToolError {
    return templateFault(this.#text, this.peek().offset, message, this.#name);
  }
}
