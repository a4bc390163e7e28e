import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type FragmentDefinitionNode,
  GraphQLError,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  type ParseOptions,
  parse,
  type Source,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from './context.js';
import { type Measure, measure, tooComplex } from './cost.js';
import { asRequestError } from './error-presenter.js';
import { type Introspection, introspectionNeedsToken, noIntrospectionRule } from './introspection.js';
import type { Limits } from './limits.js';
import type { Turns } from './turns.js';

/** Refuses documents and operations that ask for too much (QUERY_TOO_COMPLEX), before anything is resolved. */
export const useComplexityLimits = ({
  limits,
  introspection,
  turns,
  check,
}: {
  readonly limits: Limits;
  readonly introspection: Introspection;
  readonly turns: Turns;
  readonly check: CheckOperation;
}): Plugin<Context> => {
  const rules = [...complexityRules(limits), ...(introspection === 'nobody' ? [noIntrospectionRule] : [])];
  return {
    onParse: ({ params, setParseFn }) => {
      const length = String(typeof params.source === 'string' ? params.source : params.source.body).length;
      if (length > limits.documentCharacters)
        throw asRequestError(
          tooComplex(`The document has ${length} characters; at most ${limits.documentCharacters} are allowed.`),
        );
      setParseFn((source, options) => parseWithinTokens(source, options, limits.tokens));
    },
    onValidate: ({ addValidationRule }) => {
      for (const rule of rules) addValidationRule(rule);
    },
    onExecute: ({ args, executeFn, setExecuteFn, setResultAndStopExecution }) => {
      const { refusal, cost } = check(args);
      if (refusal) setResultAndStopExecution({ errors: [refusal] });
      else if (cost > HEAVY_COST) setExecuteFn(inTurn(turns, executeFn));
    },
  };
};

/** An operation that costs more waits its turn. */
const HEAVY_COST = 2_000;

type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;

/** Does nothing any more for a client that is gone when its turn comes. */
const inTurn =
  (turns: Turns, execute: Execute) =>
  (args: ExecutionArgs): Promise<ExecutionResult> => {
    const { session, isGone } = args.contextValue as Context;
    const client = session.caller.accountId ?? session.address;
    return turns.run(client, async () => (isGone() ? { data: null } : execute(args)));
  };

/** The parser's own counter; its refusal gets a code. */
const parseWithinTokens = (source: string | Source, options: ParseOptions, maxTokens: number): DocumentNode => {
  try {
    return parse(source, { ...options, maxTokens });
  } catch (error) {
    if (error instanceof Error && error.message.includes(`more that ${maxTokens} tokens`))
      throw asRequestError(tooComplex(`The document has too many tokens; at most ${maxTokens} are allowed.`));
    throw error;
  }
};

/** graphql-armor's counters, reporting like any other rule of validation and with the contract's code. */
const complexityRules = (limits: Limits): ValidationRule[] => {
  const report = (what: string, max: number) => ({
    n: max,
    exposeLimits: true,
    propagateOnRejection: false,
    onReject: [
      (context: ValidationContext | null, error: GraphQLError): void =>
        context?.reportError(
          tooComplex(`${error.message.replace('Syntax Error: ', '')} Ask for less ${what} at once.`),
        ),
    ],
  });
  return [
    maxDepthRule({ ...report('depth', limits.depth), flattenFragments: true }),
    maxAliasesRule({ ...report('aliases', limits.aliases), allowList: [] }),
    maxDirectivesRule(report('directives', limits.directives)),
  ] as ValidationRule[];
};

/** What an operation costs, and why it is refused where it is. */
export type CheckOperation = (args: ExecutionArgs) => { readonly cost: number; readonly refusal?: GraphQLError };

/** Measures operations with their variables, and refuses what costs too much or is not for this caller. */
export const createOperationCheck = (maxCost: number, introspection: Introspection): CheckOperation => {
  const measured = createMeasure(maxCost);
  const refusalOf = ({ cost, introspects, schemas }: Measure, { session }: Context): GraphQLError | undefined => {
    if (introspects && introspection === 'logged_in' && session.caller.accountId === null)
      return introspectionNeedsToken();
    if (schemas > 1) return tooComplex('The operation asks for "__schema" more than once; ask for all of it at once.');
    if (cost <= maxCost) return undefined;
    const told = Number.isFinite(cost) ? cost : `more than ${maxCost}`;
    return tooComplex(
      `The operation costs ${told} fields; at most ${maxCost} are allowed. Ask for fewer rows or fields.`,
    );
  };
  return (args) => {
    const operation = getOperationAST(args.document, args.operationName);
    if (!operation) return { cost: 0, refusal: asRequestError(nameTheOperation()) };
    const found = measured(args, operation);
    const refusal = refusalOf(found, args.contextValue as Context);
    return { cost: found.cost, ...(refusal && { refusal: asRequestError(refusal) }) };
  };
};

const nameTheOperation = (): GraphQLError =>
  new GraphQLError('Name the operation to run: "operationName" must be that of one in the document.', {
    extensions: { code: 'BAD_USER_INPUT' },
  });

/** Operations that have been measured and use no variables keep their measure. */
const createMeasure = (maxCost: number): ((args: ExecutionArgs, operation: OperationDefinitionNode) => Measure) => {
  const known = new WeakMap<OperationDefinitionNode, Measure>();
  return ({ schema, document, variableValues }, operation) => {
    const isFixed = !operation.variableDefinitions?.length;
    const kept = isFixed ? known.get(operation) : undefined;
    if (kept) return kept;
    const variables = withDefaults(operation, variableValues ?? {});
    const found = measure({ schema, operation, fragments: fragmentsOf(document), variables, atMost: maxCost });
    if (isFixed) known.set(operation, found);
    return found;
  };
};

const fragmentsOf = (document: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> =>
  new Map(
    document.definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  );

const withDefaults = (
  operation: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> => ({
  ...Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
      defaultValue?.kind === Kind.INT ? [[variable.name.value, Number(defaultValue.value)]] : [],
    ),
  ),
  ...given,
});
