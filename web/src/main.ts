import "@fontsource-variable/instrument-sans/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./tokens.css";
import "./app.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { applyTheme, chosenTheme } from "./lib/theme";

applyTheme(chosenTheme());
const target = document.getElementById("app");
if (target) mount(App, { target });
