/** Texts of the page "Machines". */
export const text = { title: "Machines" };
