// The page of one tune.

import { Player } from "./player/player.js";

new Player().load(JSON.parse(document.getElementById("tune").textContent));
