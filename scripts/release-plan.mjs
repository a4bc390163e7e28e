// What a release changes in files, as functions of their text.

export class ReleaseError extends Error {
  name = 'ReleaseError';
}

const VERSION = /^(\d+)\.(\d+)\.(\d+)$/;
const HEADING = /^## (\d+\.\d+\.\d+) \(([^)]+)\)$/gm;

const numbersOf = (version) => {
  const found = VERSION.exec(version);
  if (!found) throw new ReleaseError(`${version} is no version: three numbers, such as 1.2.3.`);
  return found.slice(1).map(Number);
};

/** Below zero where the first is older, zero where they are the same. */
export const compareVersions = (one, other) => {
  const [left, right] = [numbersOf(one), numbersOf(other)];
  const at = left.findIndex((number, index) => number !== right[index]);
  return at < 0 ? 0 : left[at] - right[at];
};

/** Throws unless the version is above all that the changelog tells as released, and not below the package's own. */
export const checkVersion = (version, { changelog, current }) => {
  numbersOf(version);
  const released = [...changelog.matchAll(HEADING)].flatMap(([, number, when]) =>
    when === 'unreleased' ? [] : [number],
  );
  const higher = released.find((number) => compareVersions(version, number) <= 0);
  if (higher !== undefined) throw new ReleaseError(`${version} isn't higher than ${higher}, which is released.`);
  if (compareVersions(version, current) < 0)
    throw new ReleaseError(`${version} is lower than ${current} of package.json.`);
};

/** The changelog with what is unreleased as that version of that day. Throws where there is nothing unreleased. */
export const closeChangelog = (changelog, version, day) => {
  const [unreleased] = [...changelog.matchAll(HEADING)].filter(([, , when]) => when === 'unreleased');
  if (!unreleased)
    throw new ReleaseError('CHANGELOG.md has no heading "## … (unreleased)": nothing would be told of this version.');
  const after = changelog.slice(unreleased.index + unreleased[0].length);
  if (!/^\s*- /.test(after)) throw new ReleaseError('CHANGELOG.md says nothing below its heading "(unreleased)".');
  return `${changelog.slice(0, unreleased.index)}## ${version} (${day})${after}`;
};

/** A package.json or lock file, as text, with the version of our packages; what others depend on keeps its own. */
export const setVersion = (text, version) => {
  const content = JSON.parse(text);
  const set = (part) => {
    if (part.version !== undefined) part.version = version;
    if (part.dependencies?.['tollgate-client'] !== undefined) part.dependencies['tollgate-client'] = version;
  };
  set(content);
  for (const name of ['', 'client', 'web']) if (content.packages?.[name]) set(content.packages[name]);
  return `${JSON.stringify(content, null, 2)}\n`;
};
