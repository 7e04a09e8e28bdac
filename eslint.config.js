import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const noProcesses = {
  paths: [
    { name: 'node:child_process', message: 'start processes through build/tools or machine/host' },
    { name: 'execa', message: 'start processes through build/tools or machine/host' },
  ],
};

export default defineConfig(
  globalIgnores(['node_modules/', '.tap/', 'dist/', 'dist.tmp-*/', 'out/', '**/*.gen.*']),
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      // What `using` holds is held for its end.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreUsingDeclarations: true }],
    },
  },
  { files: ['src/**/*.ts'], rules: { 'no-console': 'error' } },
  {
    files: ['src/**/*.ts'],
    ignores: [
      'src/build/tools/**',
      'src/build/vm/**',
      'src/machine/host/**',
      'src/machine/engine/runtime/**',
    ],
    rules: { 'no-restricted-imports': ['error', noProcesses] },
  },
  {
    files: ['src/build/**/*.ts', 'src/shared/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.property.name='localeCompare']",
          message: 'depends on the locale: compare bytes',
        },
        {
          selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
          message: 'results must not depend on chance',
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    // tap's assertions return promises only for promise arguments.
    rules: { '@typescript-eslint/no-floating-promises': 'off', '@typescript-eslint/require-await': 'off' },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: { process: 'readonly' } },
    rules: { 'no-restricted-exports': 'off' },
  },
);
