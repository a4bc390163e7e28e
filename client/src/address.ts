/** What Stripe adds to the address when a person comes back from their bank. Source: Stripe docs, "Handle the redirect". */
const ADDED = [
  'payment_intent',
  'payment_intent_client_secret',
  'setup_intent',
  'setup_intent_client_secret',
  'redirect_status',
];

/** The page's own address, without what Stripe added: where a person is sent back to. */
export const cleanAddress = (): string => {
  const address = new URL(location.href);
  for (const name of ADDED) address.searchParams.delete(name);
  return address.href;
};

/** Takes client secrets out of the address, and so out of the history and of what is sent as referrer. */
export const forgetSecrets = (): void => {
  const clean = cleanAddress();
  if (clean !== location.href) history.replaceState(history.state, '', clean);
};
