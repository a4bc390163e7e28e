// Imported first by every script that people start: whatever an older Node would stumble over comes after it.
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const needed = engines.node.replace('>=', '');
const [major, minor] = process.versions.node.split('.').map(Number);
const [neededMajor, neededMinor] = needed.split('.').map(Number);

if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  process.stderr.write(
    `Tollgate needs Node ${needed} or newer, and this is Node ${process.versions.node} (${process.execPath}).\nInstall a newer one, from https://nodejs.org or with a version manager, and run the command again.\n`,
  );
  process.exit(1);
}
