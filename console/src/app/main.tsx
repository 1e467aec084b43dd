import { createRoot } from "react-dom/client";

import "./tokens.css";
import "./base.css";

import { chooseTongue } from "../components/words.tsx";
import { Alarm } from "../live/alarm.ts";
import { App } from "./App.tsx";

const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root.");

const tongue = chooseTongue(navigator.languages);
document.documentElement.lang = tongue.locale;

createRoot(root).render(<App tongue={tongue} alarm={new Alarm(window)} />);
