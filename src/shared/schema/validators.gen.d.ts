/** Compiled ahead by scripts/generate.ts; each returns whether the value fits and leaves `errors` behind. */
export interface Validator {
  (value: unknown): boolean;
  errors?: readonly SchemaError[] | null;
}

/** One error as ajv reports it. */
export interface SchemaError {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly propertyName?: string;
}

export const validateManifest: Validator;
export const validateRecipe: Validator;
export const validateServiceConfig: Validator;
