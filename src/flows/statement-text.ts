const LEADING_COMMENTS = /^(\s|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)+/;

/** A statement's text from its first word on. */
export const withoutComments = (text: string): string => text.replace(LEADING_COMMENTS, '');
