import type { Plugin } from 'vite';

const TAGGED = /graphql`\s*(?:query|mutation|subscription|fragment)\s+(\w+)[^`]*`/g;

/** What `babel-plugin-relay` does, where a build has no Babel: each tagged text becomes what relay-compiler wrote for it. */
export const relay = (): Plugin => ({
  name: 'relay',
  enforce: 'pre',
  transform(code, file) {
    if (!/\.tsx?$/.test(file) || !code.includes('graphql`')) return;
    const names = [...code.matchAll(TAGGED)].map(([, name]) => name);
    const imports = names.map((name) => `import ${name}Text from './__generated__/${name}.graphql.ts';`);
    return `${imports.join(' ')} ${code.replace(TAGGED, (_, name) => `${name}Text`)}`;
  },
});
