// The login page works without this; it only brings the reader's language and says what was wrong.
import { apply, language, t } from "./strings.js";

language.choose(document.documentElement.lang);
apply(document);
if (location.search === "?wrong") document.getElementById("wrong").textContent = t("tokenWrong");
