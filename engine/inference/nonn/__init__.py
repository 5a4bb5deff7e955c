"""Networks of students: a teacher's filters, who learns which, and what is left when students are lost."""
