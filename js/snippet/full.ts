/** The full script, `/tl/full.js`: the core, then each feature as it loads. */
import "./core.js";
import "./features/navigation.js";
import "./features/lifecycle.js";
import "./features/additions.js";
import "./features/decorate.js";
import "./features/frames.js";
