/** The address as it may be shown: a user's name and password, which some proxies want in it, are left out. */
export const withoutCredentials = (address: string): string => {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
};

/** The header that carries an address's user and password, since `fetch` refuses them in the address (RFC 7617). */
export const credentialsOf = (address: string): Readonly<Record<string, string>> => {
  const { username, password } = new URL(address);
  if (username === '' && password === '') return {};
  const pair = `${decode(username)}:${decode(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
};

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};
