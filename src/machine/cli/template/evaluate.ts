import { ToolError, messageOf } from '../../../shared/errors.ts';
import { FIXED, type TemplateFunction } from './functions.ts';
import type { Branch, Call, Node, Operand, Pipeline, Place, Template } from './nodes.ts';
import { typeName } from './printf.ts';
import { GO_TYPE, type GoMethod, formatResult, isObject, isTrue, keysOf } from './values.ts';

export interface EvaluateOptions {
  readonly functions: ReadonlyMap<string, TemplateFunction>;
  /** A key that a map does not have is a fault instead of `<no value>`. */
  readonly failsForMissing?: boolean;
}

/** Templates that call themselves end here, not at the end of the stack. */
const MAX_DEPTH = 500;

/** What a format may print at most; more is a loop that feeds itself. */
const MAX_OUTPUT = 64 * 1024 * 1024;

/** The text that a template makes of `data`. Throws TEMPLATE_FAILED with Go's words. */
export function evaluateTemplate(template: Template, data: unknown, options: EvaluateOptions): string {
  const evaluation = new Evaluation(template, options);
  evaluation.walk(template.body, data, new Scope([['$', data]]));
  return evaluation.output;
}

type Outcome = 'done' | 'break' | 'continue';

/** Variables, innermost last. */
class Scope {
  readonly #variables: [string, unknown][];

  constructor(variables: readonly [string, unknown][]) {
    this.#variables = [...variables];
  }

  inner(): Scope {
    const scope = new Scope([]);
    // The pairs are shared: a block sets the variables of those around it.
    scope.#variables.push(...this.#variables);
    return scope;
  }

  declare(name: string, value: unknown): void {
    this.#variables.push([name, value]);
  }

  assign(name: string, value: unknown): void {
    const found = this.#variables.findLast(([known]) => known === name);
    if (found !== undefined) found[1] = value;
  }

  get(name: string): unknown {
    return this.#variables.findLast(([known]) => known === name)?.[1];
  }
}

class Evaluation {
  output = '';
  readonly #template: Template;
  readonly #options: EvaluateOptions;
  #depth = 0;

  constructor(template: Template, options: EvaluateOptions) {
    this.#template = template;
    this.#options = options;
  }

  walk(nodes: readonly Node[], dot: unknown, scope: Scope): Outcome {
    for (const node of nodes) {
      if (this.output.length > MAX_OUTPUT) throw new ToolError('template: the output is too large', FAILED);
      switch (node.kind) {
        case 'text':
          this.output += node.text;
          break;
        case 'action': {
          const value = this.#pipeline(node.pipeline, dot, scope);
          if (node.pipeline.variables.length === 0) this.output += formatResult(value);
          break;
        }
        case 'if':
        case 'with':
        case 'range': {
          const outcome = this.#branch(node, dot, scope.inner());
          if (outcome !== 'done') return outcome;
          break;
        }
        case 'template':
          this.#call(node, dot, scope);
          break;
        case 'break':
        case 'continue':
          return node.kind;
      }
    }
    return 'done';
  }

  #call(node: Node & { readonly kind: 'template' }, dot: unknown, scope: Scope): void {
    const body = this.#template.definitions.get(node.name);
    if (body === undefined) {
      throw this.#fault(node.place, `template ${JSON.stringify(node.name)} not defined`);
    }
    if (++this.#depth > MAX_DEPTH)
      throw this.#fault(node.place, `exceeded maximum template depth (${MAX_DEPTH})`);
    const data = node.pipeline === undefined ? undefined : this.#pipeline(node.pipeline, dot, scope);
    this.walk(body, data, new Scope([['$', data]]));
    this.#depth -= 1;
  }

  #branch(node: Branch, dot: unknown, scope: Scope): Outcome {
    if (node.kind === 'range') return this.#range(node, dot, scope);
    const value = this.#pipeline(node.pipeline, dot, scope);
    if (isTrue(value)) return this.walk(node.body, node.kind === 'with' ? value : dot, scope);
    return this.walk(node.otherwise, dot, scope);
  }

  #range(node: Branch, dot: unknown, scope: Scope): Outcome {
    const value = this.#calls(node.pipeline, dot, scope);
    const items = this.#itemsOf(value, node.pipeline.place);
    if (items.length === 0) return this.walk(node.otherwise, dot, scope);
    const { variables, assigns } = node.pipeline;
    for (const [key, item] of items) {
      const inner = scope.inner();
      const values = variables.length === 2 ? [key, item] : [item];
      for (const [index, name] of variables.entries()) {
        if (assigns) inner.assign(name, values[index]);
        else inner.declare(name, values[index]);
      }
      if (this.walk(node.body, item, inner) === 'break') break;
    }
    return 'done';
  }

  #itemsOf(value: unknown, place: Place): readonly (readonly [unknown, unknown])[] {
    if (Array.isArray(value)) return Array.from(value.entries());
    if (isObject(value) && value[GO_TYPE] === undefined) return keysOf(value).map(key => [key, value[key]]);
    if (value === null || value === undefined) return [];
    if (typeof value === 'number' && Number.isInteger(value) && value < 1e6) {
      return Array.from({ length: Math.max(0, value) }, (_, index) => [index, index] as const);
    }
    throw this.#fault(place, `range can't iterate over ${formatResult(value)}`);
  }

  #pipeline(pipeline: Pipeline, dot: unknown, scope: Scope): unknown {
    const value = this.#calls(pipeline, dot, scope);
    for (const name of pipeline.variables) {
      if (pipeline.assigns) scope.assign(name, value);
      else scope.declare(name, value);
    }
    return value;
  }

  #calls(pipeline: Pipeline, dot: unknown, scope: Scope): unknown {
    let extra: readonly unknown[] = [];
    for (const call of pipeline.calls) extra = [this.#command(call, dot, scope, extra)];
    return extra[0];
  }

  /** An operand with its arguments; `extra` is the result of the stage before. */
  #command([first, ...rest]: Call, dot: unknown, scope: Scope, extra: readonly unknown[]): unknown {
    const args = (): unknown[] => [...rest.map(operand => this.#operand(operand, dot, scope)), ...extra];
    switch (first.kind) {
      case 'constant':
        if (first.value === null) throw this.#fault(first.place, 'nil is not a command');
        break;
      case 'function':
        return this.#function(first, rest, dot, scope, extra);
      case 'field':
        return this.#path(dot, first.path, first.place, args());
      case 'variable':
        if (first.path.length > 0) return this.#path(scope.get(first.name), first.path, first.place, args());
        break;
      case 'chain':
        return this.#path(this.#operand(first.operand, dot, scope), first.path, first.place, args());
      default:
    }
    if (rest.length + extra.length > 0) {
      throw this.#fault(first.place, `can't give argument to non-function ${first.place.source}`);
    }
    return this.#operand(first, dot, scope);
  }

  #operand(operand: Operand, dot: unknown, scope: Scope): unknown {
    switch (operand.kind) {
      case 'dot':
        return dot;
      case 'constant':
        return operand.value;
      case 'pipeline':
        return this.#pipeline(operand.pipeline, dot, scope);
      case 'variable':
        return this.#path(scope.get(operand.name), operand.path, operand.place, []);
      case 'field':
      case 'chain':
      case 'function':
        return this.#command([operand], dot, scope, []);
    }
  }

  #function(
    operand: Operand & { readonly kind: 'function' },
    rest: readonly Operand[],
    dot: unknown,
    scope: Scope,
    extra: readonly unknown[],
  ): unknown {
    const { name } = operand;
    const source = [operand, ...rest].map(part => part.place.source).join(' ');
    const place = { offset: operand.place.offset, source };
    if (name === 'and' || name === 'or') {
      const stopsAt = name === 'or';
      const last = rest.length + extra.length - 1;
      if (last < 0) throw this.#fault(place, `wrong number of args for ${name}: want at least 1 got 0`);
      for (const [index, argument] of rest.entries()) {
        const value = this.#operand(argument, dot, scope);
        if (isTrue(value) === stopsAt || index === last) return value;
      }
      return extra[0];
    }
    const args = [...rest.map(argument => this.#operand(argument, dot, scope)), ...extra];
    const call = this.#options.functions.get(name);
    if (call === undefined) throw this.#fault(place, `${JSON.stringify(name)} is not a defined function`);
    const isFixed = FIXED.has(name);
    if (call.length > args.length || (isFixed && call.length < args.length)) {
      const want = isFixed ? String(call.length) : `at least ${call.length}`;
      throw this.#fault(operand.place, `wrong number of args for ${name}: want ${want} got ${args.length}`);
    }
    try {
      return call(...args);
    } catch (error) {
      throw this.#fault(place, `error calling ${name}: ${messageOf(error)}`);
    }
  }

  /** Follows fields; the last takes the arguments, when it is a method. */
  #path(value: unknown, path: readonly string[], place: Place, args: readonly unknown[]): unknown {
    let current = value;
    for (const [index, name] of path.entries()) {
      current = this.#field(current, name, place, index === path.length - 1 ? args : []);
    }
    return current;
  }

  #field(value: unknown, name: string, place: Place, args: readonly unknown[]): unknown {
    if (value === undefined || value === null) {
      if (value === undefined && !this.#options.failsForMissing)
        throw this.#fault(place, `nil data; no entry for key ${JSON.stringify(name)}`);
      throw this.#fault(place, `nil pointer evaluating interface {}.${name}`);
    }
    if (!isObject(value)) {
      // Of an answer that was read without types Go says no more than that it is something.
      const type = this.#options.failsForMissing === true ? 'interface {}' : typeName(value);
      throw this.#fault(place, `can't evaluate field ${name} in type ${type}`);
    }
    if (!Object.hasOwn(value, name)) {
      const type = value[GO_TYPE];
      if (type !== undefined) throw this.#fault(place, `can't evaluate field ${name} in type ${type}`);
      if (this.#options.failsForMissing)
        throw this.#fault(place, `map has no entry for key ${JSON.stringify(name)}`);
      return undefined;
    }
    const field = value[name];
    if (typeof field === 'function') {
      const method = field as GoMethod;
      if (method.length !== args.length) {
        throw this.#fault(
          place,
          `wrong number of args for ${name}: want ${method.length} got ${args.length}`,
        );
      }
      return method(...args);
    }
    if (args.length > 0) throw this.#fault(place, `${name} has arguments but cannot be invoked as function`);
    return field;
  }

  #fault(place: Place, message: string): ToolError {
    const { name, text } = this.#template;
    const before = text.slice(0, place.offset);
    const line = before.split('\n').length;
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1));
    return new ToolError(
      `template: ${name}:${line}:${column}: executing ${JSON.stringify(name)} at <${place.source}>: ${message}`,
      FAILED,
    );
  }
}

const FAILED = { code: 'TEMPLATE_FAILED', kind: 'invalid-input' } as const;
