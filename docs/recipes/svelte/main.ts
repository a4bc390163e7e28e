import { mount } from 'svelte';
import { openOrder } from '../shop.ts';
import App from './app.svelte';

const target = document.querySelector('#app');
if (target) mount(App, { target, props: { orderId: await openOrder() } });
