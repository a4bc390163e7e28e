/** The body of Stripe's error answers (Stripe: "Errors", "Error codes"). */
export interface ErrorBody {
  type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';
  message: string;
  code?: string;
  param?: string;
  decline_code?: string;
  charge?: string;
  payment_intent?: object;
  payment_method?: object;
  setup_intent?: object;
  [extra: string]: unknown;
}

/** A request that ends in one of Stripe's error answers. `doc_url` and `request_log_url` are added when it leaves. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: ErrorBody,
  ) {
    super(body.message);
  }
}

interface Details {
  readonly status?: number;
  readonly param?: string;
  readonly code?: string;
  readonly payment_intent?: object;
  readonly setup_intent?: object;
}

/** An `invalid_request_error`, 400 unless told otherwise (Stripe: "Errors"). */
export const invalidRequest = (message: string, { status = 400, ...rest }: Details = {}): ApiError =>
  new ApiError(status, { type: 'invalid_request_error', message, ...rest });

/** An object that doesn't exist here: 404 when it is named by the path, 400 when by a parameter (Stripe: "Error codes"). */
export const resourceMissing = (noun: string, id: string, param: string, hint = ''): ApiError =>
  invalidRequest(`No such ${noun}: '${id}'${hint}`, {
    status: param === 'id' || param === 'intent' || param === 'event' ? 404 : 400,
    code: 'resource_missing',
    param,
  });

/** Something that Stripe does and the sandbox leaves out: said plainly instead of being ignored. */
export const leftOut = (what: string, param?: string): ApiError =>
  invalidRequest(`The sandbox leaves out ${what}.`, { code: 'sandbox_left_out', ...(param ? { param } : {}) });
