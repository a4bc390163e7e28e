import { environmentPage } from './environment-page.js';

/** Prints the page of variables on stdout, as docs/environment.md holds it. */
process.stdout.write(environmentPage());
