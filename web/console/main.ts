import './console.css';
import { firstLanguage, loadWords } from '../ui/words.js';
import { askAhead } from './ahead.js';
import { readLogin } from './login.js';

// Small, so that the server is asked while the rest is still on its way.
const root = document.getElementById('app');
if (root) {
  const ahead = askAhead(readLogin(), location.hash);
  void loadWords(firstLanguage());
  const { start } = await import('./start.js');
  start(root, ahead);
}
