// node scripts/recipe-pages.mjs: writes the recipes' files into their pages, below each line that only names one: `vue/app.vue`:
import fs from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

const RECIPES = path.join(root, 'docs', 'recipes');
const NAMED = /^`([\w-]+(?:\/[\w.-]+)*\.\w+)`:\n(?:\n```[\s\S]*?^```\n)?/gm;

/** The pages that show recipes. */
export const PAGES = [
  path.join(root, 'docs', 'recipes.md'),
  ...fs
    .readdirSync(RECIPES)
    .filter((file) => file.endsWith('.md'))
    .map((file) => path.join(RECIPES, file)),
];

/** A page with each named file as it is now, and which files those are. */
export const fillPage = (text) => {
  const files = [];
  const filled = text.replace(NAMED, (_, file) => {
    files.push(file);
    const content = fs.readFileSync(path.join(RECIPES, file), 'utf8');
    return `\`${file}\`:\n\n\`\`\`${path.extname(file).slice(1)}\n${content}\`\`\`\n`;
  });
  return { filled, files };
};

if (import.meta.main ?? process.argv[1] === import.meta.filename)
  for (const page of PAGES) fs.writeFileSync(page, fillPage(fs.readFileSync(page, 'utf8')).filled);
