import type { Arch } from '../../../shared/arch.ts';
import { ToolError } from '../../../shared/errors.ts';
import type { LockedPackage } from '../../lock/lock.ts';
import {
  type Clause,
  type Relation,
  formatClause,
  formatRelation,
  meetsVersion,
  parseRelation,
} from './dependencies.ts';
import type { Candidate, Catalog } from './package-table.ts';

/** What one set of packages must contain. */
export interface PackageSet {
  /** `name`, `name=version` or `name (>= version)`. */
  readonly want: readonly string[];
  /** Names that count as installed already: nothing is chosen for them. */
  readonly omit: readonly string[];
  /** Versions to keep where the index still has them, by name; else the newest is taken. */
  readonly keep?: ReadonlyMap<string, string>;
}

/** Something that must hold, and why. */
interface Need {
  readonly clause: Clause;
  /** Who needs it: packages from the wish down, `name version`. */
  readonly chain: readonly string[];
}

/** A need that cannot be met, and for each alternative the reason. */
interface Fault {
  readonly need: Need;
  readonly reasons: readonly string[];
}

interface State {
  readonly chosen: Map<string, { readonly candidate: Candidate; readonly chain: readonly string[] }>;
  /** Needs with more than one way left, in the order they came up. */
  open: Need[];
}

/** Trials after which a set is given up; ordinary sets need none at all. */
const MAX_TRIALS = 5000;

/**
 * Chooses packages as apt would: of each name the newest version that fits; of alternatives one that is
 * chosen anyway, else the first that can be had; recommendations are not followed. What can be met in
 * only one way is settled before anything is tried; where a choice leads to a contradiction the next
 * one is tried.
 *
 * The result is sorted by name. Errors: PACKAGES_UNSATISFIABLE with the chain of needs that fails,
 * PACKAGE_UNKNOWN for a wish that no index has, PACKAGE_VIRTUAL for one that several provide,
 * RELATION_MALFORMED, PACKAGES_TOO_HARD.
 */
export function resolvePackages(catalog: Catalog, set: PackageSet, arch: Arch): LockedPackage[] {
  const solver = new Solver(catalog, set, arch);
  return solver.run().sort((a, b) => (a.name < b.name ? -1 : 1));
}

class Solver {
  readonly #catalog: Catalog;
  readonly #set: PackageSet;
  readonly #arch: Arch;
  readonly #omitted = new Map<string, readonly Candidate[]>();
  #trials = 0;

  constructor(catalog: Catalog, set: PackageSet, arch: Arch) {
    this.#catalog = catalog;
    this.#set = set;
    this.#arch = arch;
    for (const name of set.omit) this.#omitted.set(name, catalog.named(name).slice(0, 1));
  }

  run(): LockedPackage[] {
    const needs = this.#set.want.map(text => this.#readWish(text));
    const state: State = { chosen: new Map(), open: [] };
    const solved = this.#solve(state, needs);
    if ('need' in solved) throw this.#unsatisfiable(solved);
    return [...solved.chosen.values()].map(one => one.candidate.package);
  }

  #readWish(text: string): Need {
    const where = `resolving packages for ${this.#arch}`;
    const equals = /^([^=<>()\s]+)=(.+)$/.exec(text.trim());
    const relation = parseRelation(equals ? `${equals[1]} (= ${equals[2]})` : text, where);
    const { name } = relation;
    if (this.#catalog.named(name).length === 0 && !this.#omitted.has(name)) {
      const providers = this.#catalog.providing(name).map(one => one.package.name);
      if (providers.length !== 1) {
        const isVirtual = providers.length > 1;
        const near = isVirtual ? undefined : this.#catalog.nearest(name);
        throw new ToolError(
          `${where}: ${name} ${isVirtual ? 'is provided by several packages' : 'is in no index'}`,
          {
            code: isVirtual ? 'PACKAGE_VIRTUAL' : 'PACKAGE_UNKNOWN',
            kind: 'invalid-input',
            hint: isVirtual
              ? `name one of ${providers.slice(0, 8).join(', ')}`
              : near === undefined
                ? 'check the name; only Debian 13, section main, is used'
                : `did you mean "${near}"?`,
          },
        );
      }
    }
    return { clause: [relation], chain: [] };
  }

  /** Meets `needs` and all that follow from them; changes `state` and may not finish with it. */
  #solve(state: State, needs: readonly Need[]): State | Fault {
    const fault = this.#settle(state, needs);
    if (fault) return fault;
    const [first, ...rest] = state.open;
    if (!first) return state;
    let firstFault: Fault | undefined;
    for (const option of this.#options(state, first.clause)) {
      if (++this.#trials > MAX_TRIALS) throw this.#tooHard();
      const trial: State = { chosen: new Map(state.chosen), open: [...rest] };
      this.#choose(trial, option, first.chain);
      const result = this.#solve(trial, needsOf(option, first.chain));
      if (!('need' in result)) return result;
      firstFault ??= result;
    }
    return firstFault ?? { need: first, reasons: this.#reasons(state, first.clause) };
  }

  /** Settles, again and again, what can be met in one way only. */
  #settle(state: State, needs: readonly Need[]): Fault | undefined {
    let queue: Need[] = [...needs];
    while (queue.length > 0) {
      for (let need = queue.shift(); need; need = queue.shift()) {
        if (this.#isMet(state, need.clause)) continue;
        const options = this.#options(state, need.clause);
        const [only] = options;
        if (!only) return { need, reasons: this.#reasons(state, need.clause) };
        if (options.length > 1) {
          state.open.push(need);
          continue;
        }
        this.#choose(state, only, need.chain);
        // At the front: depth first keeps the order in which apt meets things.
        queue.unshift(...needsOf(only, need.chain));
      }
      // What was chosen since may have met or narrowed the open ones.
      const open = state.open.filter(need => !this.#isMet(state, need.clause));
      queue = open.filter(need => this.#options(state, need.clause).length <= 1);
      state.open = open.filter(need => !queue.includes(need));
    }
    return undefined;
  }

  #choose(state: State, candidate: Candidate, chain: readonly string[]): void {
    state.chosen.set(candidate.package.name, { candidate, chain: [...chain, label(candidate)] });
  }

  #isMet(state: State, clause: Clause): boolean {
    return clause.some(relation => {
      if (this.#omitted.has(relation.name)) return true;
      for (const [, omitted] of this.#omitted) if (omitted.some(one => provides(one, relation))) return true;
      const chosen = state.chosen.get(relation.name)?.candidate;
      if (chosen && this.#fits(chosen, relation)) return true;
      return this.#catalog
        .providing(relation.name)
        .some(one => provides(one, relation) && state.chosen.get(one.package.name)?.candidate === one);
    });
  }

  /** Ways to meet a clause that do not contradict what is chosen, best first, each package once. */
  #options(state: State, clause: Clause): Candidate[] {
    const options = new Set<Candidate>();
    for (const relation of clause) {
      for (const candidate of this.#candidates(relation)) {
        if (this.#objection(state, candidate) === undefined) options.add(candidate);
      }
    }
    return [...options];
  }

  /** The package of that name, then those that provide it. */
  #candidates(relation: Relation): Candidate[] {
    const named = this.#catalog.named(relation.name).filter(one => this.#fits(one, relation));
    const kept = named.find(one => one.package.version === this.#set.keep?.get(relation.name));
    const real = kept ?? named[0];
    return [
      ...(real ? [real] : []),
      ...this.#catalog.providing(relation.name).filter(one => provides(one, relation)),
    ];
  }

  #fits(candidate: Candidate, relation: Relation): boolean {
    const { qualifier } = relation;
    const isArch = qualifier === undefined || qualifier === 'any' || qualifier === this.#arch;
    return isArch && meetsVersion(relation, candidate.package.version);
  }

  /** Why a candidate can't be chosen along with what is chosen; undefined when it can. */
  #objection(state: State, candidate: Candidate): string | undefined {
    const { name, version } = candidate.package;
    const same = state.chosen.get(name);
    if (same && same.candidate !== candidate) {
      return `${name} ${same.candidate.package.version} is chosen already (${same.chain.join(' -> ')})`;
    }
    for (const relation of candidate.conflicts) {
      const rival = [...state.chosen.values()].find(one => isMatch(one.candidate, relation, name));
      if (rival)
        return `${name} ${version} conflicts with ${label(rival.candidate)} (${formatRelation(relation)})`;
    }
    for (const { candidate: rival } of state.chosen.values()) {
      const relation = rival.conflicts.find(one => isMatch(candidate, one, rival.package.name));
      if (relation) return `${label(rival)} conflicts with ${name} ${version} (${formatRelation(relation)})`;
    }
    return undefined;
  }

  #reasons(state: State, clause: Clause): string[] {
    return clause.map(relation => {
      const candidates = this.#candidates(relation);
      if (candidates.length > 0) {
        const objections = candidates
          .map(one => this.#objection(state, one))
          .filter(one => one !== undefined);
        return objections.join('; ') || `${relation.name} leads to a contradiction`;
      }
      const versions = this.#catalog.named(relation.name).map(one => one.package.version);
      if (versions.length > 0) return `${relation.name} is available only as ${versions.join(', ')}`;
      const providers = this.#catalog.providing(relation.name).map(one => one.package.name);
      if (providers.length > 0)
        return `${relation.name} is provided in no such version by ${providers.join(', ')}`;
      return `${relation.name} is not available`;
    });
  }

  #unsatisfiable(fault: Fault): ToolError {
    const chain = [...fault.need.chain, formatClause(fault.need.clause)].join(' needs ');
    return new ToolError(`resolving packages for ${this.#arch}: ${chain}: ${fault.reasons.join('; ')}`, {
      code: 'PACKAGES_UNSATISFIABLE',
      kind: 'conflict',
      hint: 'leave out one of the packages, ask for other versions, or name what is provided otherwise in "omit"',
    });
  }

  #tooHard(): ToolError {
    return new ToolError(
      `resolving packages for ${this.#arch}: no solution was found in ${MAX_TRIALS} trials`,
      {
        code: 'PACKAGES_TOO_HARD',
        kind: 'conflict',
        hint: 'name the alternatives that are meant in the package list',
      },
    );
  }
}

function needsOf(candidate: Candidate, chain: readonly string[]): Need[] {
  const deeper = [...chain, label(candidate)];
  return candidate.depends.map(clause => ({ clause, chain: deeper }));
}

function provides(candidate: Candidate, relation: Relation): boolean {
  return candidate.provides.some(one => one.name === relation.name && meetsVersion(relation, one.version));
}

/** Whether `owner`'s Conflicts or Breaks relation hits the candidate; nothing conflicts with itself. */
function isMatch(candidate: Candidate, relation: Relation, owner: string): boolean {
  if (candidate.package.name === owner) return false;
  const isNamed =
    candidate.package.name === relation.name && meetsVersion(relation, candidate.package.version);
  return isNamed || provides(candidate, relation);
}

function label(candidate: Candidate): string {
  return `${candidate.package.name} ${candidate.package.version}`;
}
